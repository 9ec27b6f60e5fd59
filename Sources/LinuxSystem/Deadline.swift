import Glibc

/// A point on `CLOCK_MONOTONIC`, so that neither a clock change nor a signal moves it.
public struct Deadline: Comparable, Sendable {
    /// Nanoseconds on `CLOCK_MONOTONIC`; `UInt64.max` never arrives.
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static let never = Deadline(nanoseconds: .max)
    public static func after(milliseconds: Int) -> Deadline {
        after(nanoseconds: UInt64(max(0, milliseconds)) &* 1_000_000)
    }
    public static func after(nanoseconds: UInt64) -> Deadline {
        let (sum, overflow) = now().addingReportingOverflow(nanoseconds)
        return Deadline(nanoseconds: overflow ? .max : sum)
    }

    /// Now, in nanoseconds on `CLOCK_MONOTONIC`.
    public static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    public var hasPassed: Bool { nanoseconds != .max && Deadline.now() >= nanoseconds }

    /// For `poll(2)`: milliseconds left, rounded up so that a wait never ends early; -1 for `never`.
    public var pollTimeout: Int32 {
        if nanoseconds == .max { return -1 }
        let now = Deadline.now()
        if now >= nanoseconds { return 0 }
        return Int32(clamping: (nanoseconds - now + 999_999) / 1_000_000)
    }

    public static func < (a: Deadline, b: Deadline) -> Bool { a.nanoseconds < b.nanoseconds }
}
