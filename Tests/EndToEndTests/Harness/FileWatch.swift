import CLinux
import Glibc
import LinuxSystem

/// Waits for a condition that depends on files of one folder: looked at again whenever the folder changes.
enum FileWatch {
    static func wait(in folder: String, within seconds: Double, until condition: () -> Bool) throws -> Bool {
        let watch = FileDescriptor(
            owning: try retryingInterrupts("watch files") { inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)) })
        let raw = watch.rawValue
        try retryingInterrupts("watch \(folder)") {
            inotify_add_watch(raw, folder, UInt32(IN_MOVED_TO | IN_CREATE | IN_CLOSE_WRITE | IN_DELETE))
        }
        let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
        var ignored: [UInt8] = []
        while !condition() {
            do throws(SystemError) {
                try watch.waitUntilReady(Int32(POLLIN), deadline: deadline)
            } catch {
                return condition()
            }
            _ = Running.drain(raw, into: &ignored)
            ignored = []
        }
        return true
    }
}
