/// Lets so many of something happen at once, and then one in each interval (the generic cell rate algorithm, ITU-T I.371).
public struct RateLimit: Sendable {
    private let interval: UInt64
    private let allowed: UInt64
    /// When there would be nothing to wait for any more, in nanoseconds on `CLOCK_MONOTONIC`.
    private var paidUntil: UInt64 = 0

    /// - Parameters:
    ///   - burst: how many may come at once, at least 1.
    ///   - milliseconds: between two after that, at least 1.
    public init(burst: UInt64, milliseconds: UInt64) {
        interval = milliseconds * 1_000_000
        allowed = burst * interval
    }

    /// From then on the next is within the limit; has passed where it is already.
    public var nextAt: Deadline {
        let next = paidUntil + interval
        return Deadline(nanoseconds: next > allowed ? next - allowed : 0)
    }

    /// Counts one.
    /// - Parameter now: nanoseconds on `CLOCK_MONOTONIC`.
    /// - Returns: from when on it is within the limit.
    @discardableResult
    public mutating func note(now: UInt64 = Deadline.now()) -> Deadline {
        defer { paidUntil = max(paidUntil, now) + interval }
        return nextAt
    }
}
