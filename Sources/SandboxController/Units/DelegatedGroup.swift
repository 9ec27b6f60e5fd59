import FoundationEssentials
import Glibc
import LinuxSystem

/// A control group (cgroup v2) of our own for a machine's processes, where this user may make one: made beside or above our
/// own, where the kernel lets us and the controllers are.
final class DelegatedGroup: Sendable {
    /// Absolute.
    let path: String
    private let descriptor: FileDescriptor
    /// For `SpawnRequest.cgroup`.
    var rawValue: Int32 { descriptor.rawValue }

    private init(path: String, _ descriptor: consuming FileDescriptor) {
        self.path = path
        self.descriptor = descriptor
    }

    /// - Parameters:
    ///   - root: where cgroup v2 is mounted.
    ///   - own: our own group, as `/proc/self/cgroup` has it; nil reads that.
    /// - Returns: nil where no group can be made that has the controllers for these limits.
    static func make(
        name: String, limits: ResourceLimits, root: String = "/sys/fs/cgroup", own: String? = nil
    ) -> DelegatedGroup? {
        guard access(root + "/cgroup.controllers", R_OK) == 0, let start = own ?? ownGroup() else { return nil }
        var place: String? = start
        while let parent = place {
            let folder = root + (parent == "/" ? "" : parent)
            if access(folder, W_OK) == 0, let group = attempt(folder + "/" + name, limits) { return group }
            place = Folder.parent(of: parent)
        }
        return nil
    }

    /// Goes by what the kernel shows in the new group, since what may be delegated where has many rules (cgroups(7)).
    private static func attempt(_ path: String, _ limits: ResourceLimits) -> DelegatedGroup? {
        guard mkdir(path, 0o755) == 0 else { return nil }
        do throws(SystemError) {
            if let memory = limits.memoryMebibytes {
                try SmallFile.write(path + "/memory.max", "\(memory << 20)\n")
                // One process of a machine without the others is of no use.
                try? SmallFile.write(path + "/memory.oom.group", "1\n")
            }
            // Of a period of 100 ms.
            if let percent = limits.processorPercent {
                try SmallFile.write(path + "/cpu.max", "\(percent * 1000) 100000\n")
            }
            return DelegatedGroup(path: path, try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY))
        } catch {
            rmdir(path)
            return nil
        }
    }

    /// Removes a group that nothing is in any more; others stay (rmdir(2) refuses).
    static func remove(_ path: String) {
        guard path.hasPrefix("/sys/fs/cgroup/"), !path.contains("/../") else { return }
        rmdir(path)
    }

    private static func ownGroup() -> String? {
        guard let bytes = try? SmallFile.read("/proc/self/cgroup") else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        return lines.first { $0.hasPrefix("0::/") }.map { String($0.dropFirst(3)) }
    }
}
