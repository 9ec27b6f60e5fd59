import Glibc
import LinuxSystem

/// Records commands as their clients tell them: at the beginning, with the question for the way to the agent, and at the end,
/// for which the client's connection stays open; when it closes without a word, the client is gone.
///
/// Concurrency: visitors' threads begin; one thread of its own, made with the first command, waits for all ends together.
final class ExecWatch: @unchecked Sendable {
    /// Commands whose ends are waited for; of more only the beginning is recorded.
    static let limit = 8192

    private struct Entry {
        let reply: ControlReply
        let id: String
        let began: UInt64
    }

    private let events: EventLog
    private let ended: @Sendable () -> Void
    private let lock = Mutex()
    private let poller: Poller
    private var entries: [UInt64: Entry] = [:]
    private var nextToken: UInt64 = 0
    private var isRunning = false

    /// - Parameter ended: called when a command has run to its end.
    init(_ events: EventLog, ended: @escaping @Sendable () -> Void) throws(SystemError) {
        self.events = events
        self.ended = ended
        poller = try Poller()
    }

    /// To be called when the client has been answered, so that it need not wait for this.
    func begin(_ request: ControlMessage, _ reply: ControlReply, at began: UInt64) {
        guard let arguments = request.bytes(.arguments) else { return }
        let id = events.newID()
        var details: [String: EventValue] = [
            "id": .text(id), "argv": .list(ExecNote.arguments(arguments)),
        ]
        if let user = request.text(.user) { details["user"] = .text(user) }
        if let folder = request.text(.folder) { details["cwd"] = .text(folder) }
        if request.integer(.cut) == 1 { details["cut"] = .text("true") }
        events.record(.exec, details)
        let token = lock.withLock { () -> UInt64? in
            guard entries.count < ExecWatch.limit else { return nil }
            if !isRunning {
                isRunning = (try? Thread.start(name: "exec-watch", stackKibibytes: 256) { self.run() }) != nil
                ExecWatch.raiseDescriptorLimit()
            }
            nextToken += 1
            entries[nextToken] = Entry(reply: reply, id: id, began: began)
            return nextToken
        }
        guard let token else { return }
        try? poller.add(reply.rawDescriptor, token: token, events: [.readable, .oneShot])
    }

    private func run() {
        let batch = EventBatch(capacity: 64)
        while let count = try? batch.wait(on: poller, deadline: .never) {
            for index in 0..<count { finish(batch.token(index)) }
        }
    }

    private func finish(_ token: UInt64) {
        guard let entry = lock.withLock({ entries.removeValue(forKey: token) }) else { return }
        try? poller.remove(entry.reply.rawDescriptor)
        var details: [String: EventValue] = [
            "id": .text(entry.id),
            "seconds": .number((Double(Deadline.now() - entry.began) / 1e6).rounded() / 1000),
        ]
        guard let end = entry.reply.readNote(), end.kind == .ended else { return events.record(.execLost, details) }
        ended()
        if let session = end.text(.session) {
            details["session"] = .text(PrintableText.escaped(String(session.prefix(64))))
            return events.record(.execDetached, details)
        }
        details["exit"] = .number(Double(end.integer(.code) ?? -1))
        events.record(.execEnded, details)
    }

    /// Each running command is a connection.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, rlim_t(2 * ExecWatch.limit))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
