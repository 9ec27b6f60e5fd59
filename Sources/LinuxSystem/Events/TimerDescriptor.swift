import CLinux
import Glibc

/// `timerfd(2)` on `CLOCK_MONOTONIC`: readable once after a while. Arming it wakes nobody.
///
/// Concurrency: any thread arms; one loop polls and takes.
public final class TimerDescriptor: Sendable {
    private let descriptor: FileDescriptor
    public var rawValue: Int32 { descriptor.rawValue }

    public init() throws(SystemError) {
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("create a timer") {
                timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
    }

    /// Replaces what was armed before.
    /// - Parameter milliseconds: at least 1; a timer of 0 would be disarmed.
    public func arm(milliseconds: Int) {
        var time = itimerspec()
        let wanted = max(1, milliseconds)
        time.it_value.tv_sec = wanted / 1000
        time.it_value.tv_nsec = wanted % 1000 * 1_000_000
        _ = timerfd_settime(descriptor.rawValue, 0, &time, nil)
    }

    /// Makes it unreadable again.
    public func drain() {
        var expirations: UInt64 = 0
        _ = Glibc.read(descriptor.rawValue, &expirations, 8)
    }
}
