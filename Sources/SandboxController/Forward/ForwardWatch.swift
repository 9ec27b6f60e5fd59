import Glibc
import LinuxSystem

/// What the monitor knows of forwards: each has a client that lives as long as it does, and whose connection stays open
/// (`ReceiptWatch`). They are recorded, and while there is one the sandbox is not idle.
///
/// Concurrency: visitors' threads begin, the thread of `receipts` tells of ends, the monitor's main thread calls `dismiss`.
final class ForwardWatch: @unchecked Sendable {
    /// For the last words of clients when the sandbox ends, in milliseconds.
    private static let farewell = 500

    private let events: EventLog
    private let receipts: ReceiptWatch
    private let changed: @Sendable (Int) -> Void
    private let lock = Mutex()
    /// Those who hold forwards, by the id of their first, until their end is recorded.
    private var clients: [String: Client] = [:]
    private let left: EventDescriptor

    private struct Client {
        let reply: ControlReply
        let forwards: [(id: String, note: ForwardNote)]
        let began: UInt64
        var isEnding = false
    }

    /// - Parameter changed: called with how many forwards there are from now on.
    init(_ events: EventLog, _ receipts: ReceiptWatch, changed: @escaping @Sendable (Int) -> Void) throws(SystemError) {
        self.events = events
        self.receipts = receipts
        self.changed = changed
        left = try EventDescriptor()
    }

    /// To be called when the client has been answered.
    func begin(_ request: ControlMessage, _ reply: ControlReply, at began: UInt64) {
        guard let notes = request.bytes(.forwards).map(ForwardNote.list), !notes.isEmpty else { return }
        let forwards = notes.map { (id: events.newID(), note: $0) }
        let client = forwards[0].id
        for forward in forwards {
            var details = forward.note.details
            details["id"] = .text(forward.id)
            if let user = request.text(.user) { details["user"] = .text(user) }
            events.record(.forward, details)
        }
        change { clients[client] = Client(reply: reply, forwards: forwards, began: began) }
        if !receipts.hold(reply, { self.finish(client, $0) }) { finish(client, nil) }
    }

    private func finish(_ client: String, _ end: ControlMessage?) {
        let found = lock.withLock { () -> Client? in
            guard let found = clients[client], !found.isEnding else { return nil }
            clients[client]?.isEnding = true
            return found
        }
        guard let found else { return }
        let counts = end?.text(.counts).map(ForwardCounts.list) ?? []
        for (index, forward) in found.forwards.enumerated() {
            var details = forward.note.details
            details["id"] = .text(forward.id)
            details["seconds"] = .seconds(since: found.began)
            // Who is gone can't say how much it was.
            if index < counts.count { details.merge(counts[index].details) { $1 } }
            events.record(end == nil ? .forwardLost : .forwardEnded, details)
        }
        change { clients[client] = nil }
        left.signal()
    }

    /// Told under the lock, so that what was told last is true.
    private func change(_ body: () -> Void) {
        lock.withLock {
            body()
            changed(clients.values.reduce(0) { $0 + $1.forwards.count })
        }
    }

    /// The sandbox has ended: tells the clients, and waits a little for what they have to say.
    func dismiss() {
        let replies = lock.withLock { clients.values.map(\.reply) }
        // They see the end of the stream, and can still speak.
        for reply in replies { shutdown(reply.rawDescriptor, Int32(SHUT_WR)) }
        let deadline = Deadline.after(milliseconds: ForwardWatch.farewell)
        while lock.withLock({ !clients.isEmpty }), !deadline.hasPassed {
            var entry = pollfd(fd: left.rawValue, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, deadline.pollTimeout)
            left.drain()
        }
        for client in lock.withLock({ Array(clients.keys) }) { finish(client, nil) }
    }
}
