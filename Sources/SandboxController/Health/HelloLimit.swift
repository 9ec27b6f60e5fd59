import Glibc
import LinuxSystem

/// Bounds how often agents may say hello: ten times at once, as one that crashes and is started again may, then once a second.
///
/// Concurrency: each connection's own thread waits; they wait in turn.
final class HelloLimit: @unchecked Sendable {
    private static let burst: UInt64 = 10
    private static let interval: UInt64 = 1_000_000_000

    private let lock = Mutex()
    /// When there would be nothing to wait for any more.
    private var paidUntil: UInt64 = 0

    func wait() {
        let now = Deadline.now()
        let until = lock.withLock { () -> UInt64 in
            paidUntil = max(paidUntil, now) + HelloLimit.interval
            return paidUntil
        }
        let allowed = HelloLimit.burst * HelloLimit.interval
        guard until > now + allowed else { return }
        _ = poll(nil, 0, Deadline(nanoseconds: until - allowed).pollTimeout)
    }
}
