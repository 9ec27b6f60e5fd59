import AgentProtocol
import Glibc
import LinuxSystem

/// Mounts that hold files, from `/proc/self/mountinfo` (proc(5)), with what room they have (statvfs(3)).
enum MountReading {
    /// What is no place for files, or none that anybody runs out of.
    private static let pseudo = [
        "proc", "sysfs", "devpts", "devtmpfs", "cgroup", "cgroup2", "tracefs", "debugfs", "securityfs", "mqueue", "bpf",
        "hugetlbfs", "pstore", "configfs", "fusectl", "autofs", "binfmt_misc", "rpc_pipefs", "nsfs", "efivarfs",
        "selinuxfs", "nfsd",
    ]
    /// Those that answer statvfs(3) by themselves. A network's or a user's file system may never do.
    private static let local = [
        "rootfs", "tmpfs", "ramfs", "overlay", "squashfs", "erofs", "ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs",
        "f2fs", "zfs", "vfat", "exfat", "iso9660",
    ]
    /// Those for which the host answers.
    private static let shared = ["9p", "virtiofs"]

    static func list(_ table: borrowing FileDescriptor) -> [HealthMount] {
        parse(KernelText.prefix(of: table.rawValue, limit: 64 * 1024))
    }

    static func measured(_ mounts: [HealthMount]) -> [HealthMount] {
        var mounts = mounts
        for index in mounts.indices { measure(&mounts[index], local + shared) }
        return mounts
    }

    /// What room there is now; nil where the guest's own kernel can't say.
    static func ownRoom(of mount: HealthMount) -> HealthMount? {
        var now = mount
        return measure(&now, local) ? now : nil
    }

    /// In the order of the table; of several on one path the last one, which is on top.
    static func parse(_ table: [UInt8]) -> [HealthMount] {
        var mounts: [HealthMount] = []
        for line in KernelText.lines(table) {
            let words = KernelText.words(line)
            guard let dash = words.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash >= 6, dash + 3 < words.count
            else { continue }
            let type = KernelText.string(words[dash + 1])
            let path = KernelText.string(plain(words[4]))
            mounts.removeAll { $0.path == path }
            guard !pseudo.contains(type), mounts.count < HealthMount.countLimit else { continue }
            mounts.append(
                HealthMount(path: path, type: type, isReadOnly: isReadOnly(words[5]) || isReadOnly(words[dash + 3])))
        }
        return mounts
    }

    private static func isReadOnly(_ options: ArraySlice<UInt8>) -> Bool {
        options.prefix { $0 != UInt8(ascii: ",") }.elementsEqual("ro".utf8)
    }

    /// Spaces, tabs, line feeds and backslashes are `\040` and so on (mangle_path of the Linux kernel).
    private static func plain(_ path: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = path
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3, rest.prefix(3).allSatisfy({ (48...55).contains($0) }) {
                result.append(rest.prefix(3).reduce(0) { $0 &* 8 &+ ($1 - 48) })
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    @discardableResult
    private static func measure(_ mount: inout HealthMount, _ types: [String]) -> Bool {
        guard types.contains(mount.type) else { return false }
        var found = statvfs()
        guard statvfs(mount.path, &found) == 0 else { return false }
        let unit = UInt64(found.f_frsize)
        mount.total = UInt64(found.f_blocks).multipliedReportingOverflow(by: unit).partialValue / 1024
        mount.available = UInt64(found.f_bavail).multipliedReportingOverflow(by: unit).partialValue / 1024
        mount.entries = UInt64(found.f_files)
        mount.entriesFree = UInt64(found.f_favail)
        return true
    }
}
