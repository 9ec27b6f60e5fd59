import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization
import VsockTransport

/// Forwards for as long as its owner wants and the sandbox runs.
///
/// Concurrency: one thread makes it, calls `run`, which takes connections in, and `end`, once. Each connection has a thread of its
/// own, so a slow one holds up no other; `report` is called on those. They end with the process.
public final class ForwardServer: Sendable {
    /// Connections at once; more wait in the listeners' queues.
    static let connectionLimit = 1024

    private let endpoint: GuestConnection.Endpoint
    private let listeners: [ForwardListener]
    private let user: String?
    private let receipt: ForwardReceipt
    private let report: @Sendable (Forward, ControllerError) -> Void
    private let visitors: VisitorCount
    private let tallies: [(connections: Count, bytes: ForwardTally)]

    private final class Count: Sendable { let value = Atomic<UInt64>(0) }

    /// With the ports that they have.
    public var forwards: [Forward] { listeners.map(\.forward) }

    /// Listens, and tells the sandbox's monitor.
    /// - Parameters:
    ///   - forwards: at least one, at most 64.
    ///   - user: who connects to UNIX sockets in the guest; nil for who commands run as.
    ///   - report: called with what became of one connection.
    /// - Throws: what can't be listened at, why the sandbox can't be reached. Nothing is left then.
    public init(
        _ forwards: [Forward], user: String? = nil, sandbox name: String, in directory: StateDirectory,
        report: @escaping @Sendable (Forward, ControllerError) -> Void
    ) throws(ControllerError) {
        guard forwards.count <= ForwardNote.limit else {
            throw ControllerError(.usage, "One command forwards \(ForwardNote.limit) ports and sockets at most.")
        }
        var listeners: [ForwardListener] = []
        var receipt: ForwardReceipt?
        do throws(ControllerError) {
            for forward in forwards { listeners.append(try ForwardListener(forward)) }
            let taken = try ForwardReceipt.take(
                listeners.map(\.forward), user: user, sandbox: name, in: directory)
            receipt = taken.0
            try GuestConnection.requireForwarding(taken.1)
            (self.receipt, endpoint) = taken
        } catch {
            receipt?.ended([])
            for listener in listeners { listener.removeFile() }
            throw error
        }
        self.listeners = listeners
        self.user = user
        self.report = report
        tallies = forwards.map { _ in (Count(), ForwardTally()) }
        visitors = VisitorCount(limit: min(ForwardServer.connectionLimit, ForwardServer.raiseDescriptorLimit()))
    }

    public enum End: Sendable { case cancelled, sandboxEnded }

    /// Takes connections in until `cancelled` is readable or the sandbox ends.
    public func run(until cancelled: Int32) -> End {
        var isFull = false
        while true {
            isFull = isFull && visitors.isFull
            var entries = [
                pollfd(fd: cancelled, events: Int16(POLLIN), revents: 0),
                pollfd(fd: receipt.rawDescriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isFull ? visitors.leftDescriptor : -1, events: Int16(POLLIN), revents: 0),
            ]
            for listener in listeners {
                entries.append(pollfd(fd: isFull ? -1 : listener.rawDescriptor, events: Int16(POLLIN), revents: 0))
            }
            if poll(&entries, nfds_t(entries.count), -1) < 0 { continue }
            if entries[0].revents != 0 { return .cancelled }
            if entries[1].revents != 0 { return .sandboxEnded }
            if entries[2].revents != 0 { visitors.noticeLeaving() }
            for (index, entry) in entries.dropFirst(3).enumerated() where entry.revents != 0 {
                isFull = !takeIn(index) || isFull
            }
        }
    }

    /// Removes what was made, and tells the monitor what was carried. Connections that last are cut when the process ends.
    public func end() {
        for listener in listeners { listener.removeFile() }
        receipt.ended(counts)
    }

    /// What each forward has carried so far.
    public var counts: [ForwardCounts] {
        tallies.map {
            ForwardCounts(
                connections: $0.connections.value.load(ordering: .relaxed),
                toGuestBytes: $0.bytes.sent.load(ordering: .relaxed),
                toHostBytes: $0.bytes.received.load(ordering: .relaxed))
        }
    }

    /// - Returns: false when nobody else can be taken in for now.
    private func takeIn(_ index: Int) -> Bool {
        guard visitors.enter() else { return false }
        do throws(SystemError) {
            guard let client = try listeners[index].accept() else {
                visitors.leave()
                return true
            }
            let visitor = ForwardClient(client)
            tallies[index].connections.value.add(1, ordering: .relaxed)
            try Thread.start(name: "forward", stackKibibytes: 128) {
                self.serve(visitor, index)
                self.visitors.leave()
            }
        } catch {
            visitors.leave()
            // Out of descriptors, threads or memory: whoever waits goes on waiting, and trying at once would spin.
            poll(nil, 0, 100)
        }
        return true
    }

    private func serve(_ client: ForwardClient, _ index: Int) {
        let forward = listeners[index].forward
        do throws(ControllerError) {
            try GuestConnection.forward(
                client.socket, to: forward.guest, user: user, by: endpoint, tallies[index].bytes)
        } catch {
            report(forward, error)
        }
    }

    /// - Returns: how many connections the limit leaves room for: each has a descriptor on both sides.
    private static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, rlim_t(2 * connectionLimit + 256)))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return max(1, (Int(clamping: limit.rlim_cur) - 128) / 2)
    }
}

/// Who has connected. Closed when nobody has it any more.
private final class ForwardClient: Sendable {
    let socket: FileDescriptor
    init(_ socket: consuming FileDescriptor) { self.socket = socket }
}
