import Glibc
import LinuxSystem

/// Lines on stderr about what a guest or a peer did wrong. At most 20 in ten seconds, so that a hostile guest can't
/// fill a disk; how many were left out is told with the next.
///
/// Concurrency: belongs to one thread.
final class DeviceLog {
    private static let most = 20
    private static let window: UInt64 = 10_000_000_000
    private var windowStart: UInt64 = 0
    private var written = 0
    private var dropped = 0

    func warn(_ message: @autoclosure () -> String) {
        let now = Deadline.now()
        if now &- windowStart >= DeviceLog.window {
            windowStart = now
            written = 0
        }
        if written == DeviceLog.most {
            dropped += 1
            return
        }
        written += 1
        let omitted = dropped > 0 ? " (\(dropped) more lines left out)" : ""
        dropped = 0
        let line = "keystone-vhost-vsock: \(message())\(omitted)\n"
        _ = line.utf8.withContiguousStorageIfAvailable { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
