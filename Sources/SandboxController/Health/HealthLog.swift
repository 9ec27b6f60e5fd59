import Glibc
import LinuxSystem

/// Writes a line to `events.jsonl` whenever a guest's verdict changes, silence of its agent among them.
///
/// Concurrency: a thread of its own, which ends with the monitor.
final class HealthLog: Sendable {
    /// Between two lines, in milliseconds: a guest that goes to and fro is told as it is then.
    private static let pause: Int32 = 1_000

    private let keeper: HealthKeeper
    private let events: EventLog

    init(keeper: HealthKeeper, events: EventLog) {
        self.keeper = keeper
        self.events = events
    }

    func begin() throws(SystemError) {
        let changes = try keeper.subscribe()
        try Thread.start(name: "health-log", stackKibibytes: 256) { self.run(changes) }
    }

    private func run(_ changes: EventDescriptor) {
        var last = HealthVerdict.healthy
        while true {
            let record = keeper.current
            let verdict = HealthVerdict(record)
            if HealthLog.isNews(verdict, last) {
                events.append(
                    .health,
                    ["health": verdict.word, "reasons": verdict.reasons.map(\.text).joined(separator: "; ")])
                last = verdict
                _ = poll(nil, 0, HealthLog.pause)
            }
            var entry = pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, verdict.expiry(record).pollTimeout)
            changes.drain()
        }
    }

    /// Numbers in a reason change all the time; its kind is what counts.
    private static func isNews(_ new: HealthVerdict, _ old: HealthVerdict) -> Bool {
        new.word != old.word || new.reasons.map(\.code) != old.reasons.map(\.code)
    }
}
