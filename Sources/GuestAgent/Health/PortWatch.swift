import AgentProtocol
import Glibc
import LinuxSystem

/// When to look at the listening ports: behind each word of the kernel's that they change, or, where it doesn't say, every
/// `sampleInterval`. Whoever opens and closes ports without end has them looked at ten times a second.
///
/// Belongs to the report channel's thread.
struct PortWatch {
    /// In milliseconds.
    private static let sampleInterval = 5_000
    /// The kernel tells of a socket before it is in the table (`inet_csk_listen_start` sets its state, then hashes it): some
    /// microseconds, unless its process was interrupted right there, for which there is a second look.
    private static let delay = 5
    private static let secondDelay = 250

    /// Reading the tables costs a millisecond of a processor and more under TCG, since the kernel then goes through all of its
    /// connections' table, which has 8,192 places in a guest of 1 GiB. So steady reports do without, but for one a minute,
    /// in nanoseconds: a processor that is switched on later is not watched.
    private static let longest: UInt64 = 55_000_000_000

    private enum Due { case nothing, first, second }

    /// nil where the kernel doesn't say.
    private var events: TracepointWatch?
    private var limit = RateLimit(burst: 20, milliseconds: 100)
    private var due = Due.nothing
    /// When a look falls due.
    private(set) var lookAt: Deadline
    private var lookedAt: UInt64 = 0

    /// - Parameter events: nil to sample.
    init(events: TracepointWatch?) {
        self.events = events
        lookAt = events == nil ? .after(milliseconds: PortWatch.sampleInterval) : .never
    }

    /// To poll for POLLIN. None while a first look is due, which will see what more comes.
    var descriptors: [Int32] { due == .first ? [] : events?.descriptors ?? [] }

    /// - Parameter found: what `poll` found on `descriptors`.
    mutating func take(_ found: some Sequence<pollfd>) {
        var isNews = false
        for entry in found where entry.revents != 0 {
            isNews = true
            // Its processor was switched off, and it would be polled without end.
            if Int32(entry.revents) & (POLLERR | POLLHUP | POLLNVAL) != 0 { events = nil }
        }
        guard isNews else { return }
        due = .first
        lookAt = max(.after(milliseconds: PortWatch.delay), limit.note())
    }

    /// - Returns: whether a look has fallen due, once.
    mutating func takeDue() -> Bool {
        guard lookAt.hasPassed else { return false }
        lookAt = .never
        return true
    }

    /// It is long since they were looked at.
    var isOverdue: Bool { Deadline.now() >= lookedAt + PortWatch.longest }

    /// To be called right before a look.
    mutating func noteLook() {
        lookedAt = Deadline.now()
        if due == .first {
            due = .second
            lookAt = .after(milliseconds: PortWatch.secondDelay)
        } else {
            due = .nothing
            lookAt = events == nil ? .after(milliseconds: PortWatch.sampleInterval) : .never
        }
    }
}
