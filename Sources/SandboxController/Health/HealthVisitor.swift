import Glibc
import LinuxSystem

/// Serves one who asks for a sandbox's health, or follows it. On the visitor's own thread.
struct HealthVisitor {
    /// For the first report of an agent that has just said hello, in milliseconds.
    private static let firstReportPatience = 2_000

    let keeper: HealthKeeper
    let reply: ControlReply
    /// Whether the sandbox still runs.
    let isRunning: () -> Bool

    func answer() {
        waitForFirstReport()
        reply.finish(ControlMessage(.done).with(.health, keeper.current.encoded()))
    }

    /// Sends what is known now and whenever it changes, until the visitor leaves or the sandbox stops. What changes while the
    /// visitor does not read is sent as one.
    func follow() {
        guard let changes = try? keeper.subscribe() else { return reply.finish() }
        defer { keeper.unsubscribe(changes) }
        waitForFirstReport()
        while isRunning() {
            let record = keeper.current
            // Before it is sent, which may take any time.
            let expiry = HealthVerdict(record).expiry(record)
            guard reply.update(ControlMessage(.update).with(.health, record.encoded())) else { return }
            guard wait(changes, until: expiry) else { return }
        }
        reply.finish()
    }

    /// - Returns: false when the visitor has gone.
    private func wait(_ changes: EventDescriptor, until deadline: Deadline) -> Bool {
        var entries = [
            pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: reply.rawDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let ready = poll(&entries, 2, deadline.pollTimeout)
            if ready < 0 { continue }
            if entries[1].revents != 0 { return false }
            changes.drain()
            return true
        }
    }

    private func waitForFirstReport() {
        let record = keeper.current
        guard record.reports, record.report == nil, record.lostAt == nil else { return }
        let limit = record.helloAt + UInt64(HealthVisitor.firstReportPatience) * 1_000_000
        guard limit > Deadline.now(), let changes = try? keeper.subscribe() else { return }
        defer { keeper.unsubscribe(changes) }
        while keeper.current.report == nil, !Deadline(nanoseconds: limit).hasPassed {
            guard wait(changes, until: Deadline(nanoseconds: limit)) else { return }
        }
    }
}
