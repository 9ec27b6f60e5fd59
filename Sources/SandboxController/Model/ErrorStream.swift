import Glibc
import LinuxSystem

/// Sentences on this process's stderr. A stderr that is full, closed or has no reader is no reason to stop, so failures
/// are left alone. (Foundation's `FileHandle.write(_:)` ends the process then: `exec … 2>/dev/full`, or a monitor whose
/// log is on a full disk.)
enum ErrorStream {
    static func say(_ text: String) {
        var rest = Array((text + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}
