import Glibc
import LinuxSystem

/// Waits for the last word of clients whose connections stay open for as long as what they asked for lasts; when one closes
/// without a word, its client is gone, however it went.
///
/// Concurrency: any thread may hold; one thread of its own, made with the first, waits for all of them together and tells.
final class ReceiptWatch: @unchecked Sendable {
    /// Connections that are held at once.
    static let limit = 8192

    private struct Entry {
        let reply: ControlReply
        let end: @Sendable (ControlMessage?) -> Void
    }

    private let lock = Mutex()
    private let poller: Poller
    private var entries: [UInt64: Entry] = [:]
    private var nextToken: UInt64 = 0
    private var isRunning = false

    init() throws(SystemError) { poller = try Poller() }

    /// - Parameter end: called once with what the client said, or nil when it is gone.
    /// - Returns: false when there are too many, or the client can't be waited for.
    @discardableResult
    func hold(_ reply: ControlReply, _ end: @escaping @Sendable (ControlMessage?) -> Void) -> Bool {
        let token = lock.withLock { () -> UInt64? in
            guard entries.count < ReceiptWatch.limit else { return nil }
            if !isRunning {
                isRunning = (try? Thread.start(name: "receipts", stackKibibytes: 256) { self.run() }) != nil
                ReceiptWatch.raiseDescriptorLimit()
            }
            nextToken += 1
            entries[nextToken] = Entry(reply: reply, end: end)
            return nextToken
        }
        guard let token else { return false }
        do throws(SystemError) {
            try poller.add(reply.rawDescriptor, token: token, events: [.readable, .oneShot])
            return true
        } catch {
            lock.withLock { entries[token] = nil }
            return false
        }
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
        let note = entry.reply.readNote()
        entry.end(note?.kind == .ended ? note : nil)
    }

    /// Each running command is a connection.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, rlim_t(2 * ReceiptWatch.limit))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
