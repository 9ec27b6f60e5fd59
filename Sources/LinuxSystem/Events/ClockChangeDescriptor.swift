import CLinux
import Glibc

/// Becomes readable when this machine's clock is set or the machine wakes from sleep: a `timerfd(2)` that never expires
/// and is cancelled by either (`TFD_TIMER_CANCEL_ON_SET`; `timerfd_resume` in the Linux kernel since 5.16 for sleep).
public final class ClockChangeDescriptor: Sendable {
    private let descriptor: FileDescriptor
    public var rawValue: Int32 { descriptor.rawValue }

    public init() throws(SystemError) {
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("create a timer") {
                timerfd_create(CLOCK_REALTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
        try arm()
    }

    /// - Returns: whether the clock was set since the last call.
    public func take() -> Bool {
        var expirations: UInt64 = 0
        guard read(descriptor.rawValue, &expirations, 8) < 0, errno == ECANCELED else { return false }
        // Armed again, or it would stay readable.
        try? arm()
        return true
    }

    private func arm() throws(SystemError) {
        var time = itimerspec()
        // Some 290 years from 1970, the farthest that nanoseconds in 64 bits reach.
        time.it_value.tv_sec = 9_200_000_000
        let raw = descriptor.rawValue
        let flags = Int32(TFD_TIMER_ABSTIME) | Int32(TFD_TIMER_CANCEL_ON_SET)
        try retryingInterrupts("set a timer") { timerfd_settime(raw, flags, &time, nil) }
    }
}
