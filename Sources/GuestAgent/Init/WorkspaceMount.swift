import LinuxSystem

/// The host's project directory: the 9p share with the tag `workspace`.
enum WorkspaceMount {
    static let tag = "workspace"
    private static let devices = "/sys/bus/virtio/drivers/9pnet_virtio"
    /// A large msize, since each message is a round trip.
    private static let options = "trans=virtio,version=9p2000.L,msize=512000,cache="

    /// The host changes files under the guest's eyes, so the guest may keep nothing that it has looked up or read.
    ///
    /// Measured with Linux 6.1 and QEMU 7.2 on a `mapped` share, a repository of 2,000 files, a busy host:
    ///
    /// | cache | git status | find | a file, a mode, an owner that the host changed | a shared mapping that is written |
    /// |---|---|---|---|---|
    /// | none | 13.6 s | 29 s | seen at once | EINVAL |
    /// | mmap | 12.3 s | 53 s (noise: both ask for every entry) | seen at once | works, and the host sees it |
    /// | loose | 1.4 s | 13 s | **never seen** once looked at: old content, old mode, old owner | works |
    ///
    /// So `loose`, nine times faster, builds from files that are not there any more; `fscache` is `loose` with a disk. Between
    /// the others `mmap` can do more: SQLite's write-ahead log and some linkers map files to write them. From 6.4 on `mmap`
    /// keeps also what read(2) brought (the kernel's rework of 9p's cache modes), which has not been measured, so there
    /// it is `none`.
    static func cache(kernel release: String) -> String {
        let numbers = release.split(separator: ".").prefix(2).map { Int($0.prefix { $0.isWholeNumber }) ?? 0 }
        guard numbers.count == 2 else { return "none" }
        return (numbers[0], numbers[1]) < (6, 4) ? "mmap" : "none"
    }

    private static var kernelRelease: String {
        let text = (try? SmallFile.read("/proc/sys/kernel/osrelease", limit: 256)) ?? []
        return String(decoding: text, as: UTF8.self)
    }

    static func mountIfPresent() {
        guard isPresent else { return }
        do throws(SystemError) {
            try Mount.mount(
                tag, on: GuestSystem.workspace, type: "9p", options: [.noSetUserID, .noDevices],
                data: options + cache(kernel: kernelRelease))
        } catch {
            InitLog.say("the workspace is missing: \(error)")
        }
    }

    static func detach() { try? Mount.detach(GuestSystem.workspace) }

    private static var isPresent: Bool {
        // The driver's directory also holds files such as `bind`; a device's name leads to its own directory.
        guard let names = try? SmallFile.names(in: devices) else { return false }
        return names.contains { name in
            guard name.hasPrefix("virtio"), let found = try? SmallFile.read("\(devices)/\(name)/mount_tag", limit: 256)
            else { return false }
            return found.prefix { $0 > 0x20 }.elementsEqual(tag.utf8)
        }
    }
}
