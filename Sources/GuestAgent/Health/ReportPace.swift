import LinuxSystem

/// How often reports may go out: a few changes at once, each as soon as it is seen, and ten a second when they don't end.
struct ReportPace {
    private static let burst = 20
    private static let refillNanoseconds: UInt64 = 100_000_000

    private var tokens = burst
    private var refilledAt: UInt64
    /// The next may go from here on.
    private(set) var nextAt: Deadline

    /// - Parameter start: before that none may go.
    init(start: Deadline) {
        nextAt = start
        refilledAt = Deadline.now()
    }

    mutating func noteSent() {
        let now = Deadline.now()
        let gained = (now - min(now, refilledAt)) / ReportPace.refillNanoseconds
        refilledAt += gained * ReportPace.refillNanoseconds
        tokens = min(ReportPace.burst, tokens + Int(clamping: gained)) - 1
        nextAt =
            tokens > 0 ? Deadline(nanoseconds: 0) : Deadline(nanoseconds: refilledAt + ReportPace.refillNanoseconds)
        tokens = max(0, tokens)
    }
}
