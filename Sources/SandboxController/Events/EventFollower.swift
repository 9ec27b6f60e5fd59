import Glibc
import LinuxSystem

/// Wakes whoever follows a sandbox's events when something is written, by inotify: nobody polls, and it works whether the
/// sandbox runs or not.
public final class EventFollower {
    private let changes: FolderChanges
    private let folder: String

    /// - Throws: `noSpace` when this user watches as many folders as they may.
    public init(sandbox name: String, in directory: StateDirectory) throws(ControllerError) {
        folder = directory.stateFolder(name)
        do throws(SystemError) {
            changes = try FolderChanges()
            let handle = try InodeHandle(folder: folder)
            _ = try changes.watch(handle, for: [.made, .movedIn, .written, .gone])
        } catch {
            throw .system(error, doing: "Following the events of sandbox \(name)")
        }
    }

    /// Sleeps until something in the folder changes.
    /// - Returns: false when the sandbox is gone.
    public func wait() -> Bool {
        while true {
            var entry = pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, -1) > 0 else { continue }
            _ = try? changes.read()
            return access(folder, F_OK) == 0
        }
    }
}
