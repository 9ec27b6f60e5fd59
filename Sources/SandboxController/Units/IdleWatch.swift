import Glibc
import LinuxSystem

/// Tells once when a guest has had no session and no forward for as long as was agreed.
///
/// Concurrency: a thread of its own, asleep until the guest's agent reports something or the time is up; ends when it has told.
final class IdleWatch: Sendable {
    private let keeper: HealthKeeper
    private let changes: EventDescriptor
    private let milliseconds: Int
    private let tell: @Sendable () -> Void

    convenience init(_ keeper: HealthKeeper, seconds: Int, tell: @escaping @Sendable () -> Void) throws(SystemError) {
        try self.init(keeper, milliseconds: seconds * 1000, tell: tell)
    }

    init(_ keeper: HealthKeeper, milliseconds: Int, tell: @escaping @Sendable () -> Void) throws(SystemError) {
        self.keeper = keeper
        self.milliseconds = milliseconds
        self.tell = tell
        changes = try keeper.subscribe()
    }

    func begin() throws(SystemError) { try Thread.start(name: "idle", stackKibibytes: 128) { self.run() } }

    private func run() {
        defer { keeper.unsubscribe(changes) }
        var idleness = Idleness()
        while true {
            let since = idleness.look(at: keeper.current, now: Deadline.now())
            let limit = since.map { Deadline(nanoseconds: $0 + UInt64(milliseconds) * 1_000_000) } ?? .never
            if limit.hasPassed { return tell() }
            var entry = pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, limit.pollTimeout) > 0 { changes.drain() }
        }
    }
}

/// Since when a guest is idle, judged by what its agent says of its sessions, and by who forwards to it. The agent's word is enough: a guest that lies
/// about being busy could as well be busy.
struct Idleness {
    private var since: UInt64?
    private var started: UInt64 = 0

    /// - Parameter now: nanoseconds on `CLOCK_MONOTONIC`, which stands still while the host sleeps.
    /// - Returns: when idleness began; nil while a session runs, somebody forwards, or nobody knows.
    mutating func look(at record: HealthRecord, now: UInt64) -> UInt64? {
        guard record.lostAt == nil, let sessions = record.report?.sessions, sessions.running == 0, record.forwards == 0
        else {
            since = nil
            return nil
        }
        // One that began and ended between two reports was work too.
        if sessions.started != started || since == nil { since = now }
        started = sessions.started
        return since
    }
}
