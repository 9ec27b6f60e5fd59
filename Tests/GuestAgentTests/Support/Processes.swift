import Glibc
import LinuxSystem

enum Processes {
    /// Waits, by pidfd, until a process that is not our child is gone. - Returns: false after 5 s.
    static func waitUntilGone(_ process: pid_t) -> Bool {
        guard let handle = try? ProcessHandle(opening: process) else { return true }
        return handle.waitForEnd(deadline: .after(milliseconds: 5000))
    }

    static var openDescriptors: Int { ((try? SmallFile.names(in: "/proc/self/fd")) ?? []).count }
}
