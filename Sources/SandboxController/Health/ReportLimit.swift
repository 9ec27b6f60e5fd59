import Glibc
import LinuxSystem

/// Bounds how fast one agent's reports are taken: a hundred at once, then twenty a second, which is twice what an honest
/// agent sends.
struct ReportLimit {
    private static let burst = 100
    private static let interval: UInt64 = 50_000_000

    private var left = burst
    private var refilledAt = Deadline.now()

    /// Called after each report. Sleeps when too many came.
    mutating func wait() {
        let gained = (Deadline.now() - refilledAt) / ReportLimit.interval
        refilledAt += gained * ReportLimit.interval
        left = min(ReportLimit.burst, left + Int(clamping: gained)) - 1
        guard left < 0 else { return }
        left = 0
        _ = poll(nil, 0, Int32(ReportLimit.interval / 1_000_000))
    }
}
