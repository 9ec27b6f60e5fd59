import AgentProtocol
import Glibc
import LinuxSystem

/// Answers on `control.sock`.
///
/// Concurrency: one thread accepts; each visitor has a thread, at most `maximumVisitors` at a time. Questions are answered
/// from the snapshot; requests that change something go to the main thread with a `ControlReply`.
final class ControlServer: Sendable {
    static let maximumVisitors = 512
    /// Milliseconds that whoever wants to run something waits for a returned agent to be provisioned: less than the
    /// 10 s that the shortest of them waits for us.
    static let provisionPatience = 8_000

    private let listener: FileDescriptor
    private let snapshot: MonitorSnapshot
    private let mailbox: Mailbox
    private let visitors = VisitorCount(limit: maximumVisitors)
    private let execs: ExecWatch?
    private let forwards: ForwardWatch?
    private let environment: SessionEnvironment

    /// - Parameters:
    ///   - environment: for whoever starts the sandbox again.
    ///   - execs: records commands; nil where there is nothing to record them in.
    ///   - forwards: the same of forwards.
    init(
        path: String, snapshot: MonitorSnapshot, mailbox: Mailbox,
        environment: SessionEnvironment = SessionEnvironment(),
        execs: ExecWatch? = nil, forwards: ForwardWatch? = nil
    ) throws(SystemError) {
        self.environment = environment
        self.execs = execs
        self.forwards = forwards
        listener = try UnixSocket.listen(at: path)
        self.snapshot = snapshot
        self.mailbox = mailbox
        try Thread.start(name: "control") { self.acceptVisitors() }
    }

    private func acceptVisitors() {
        while true {
            do throws(SystemError) {
                guard let visitor = try UnixSocket.accept(listener.rawValue) else { continue }
                receive(visitor)
            } catch {
                if error.code == EMFILE || error.code == ENFILE || error.code == ENOMEM {
                    // Descriptors come back as visitors leave; a pause keeps this from spinning.
                    poll(nil, 0, 100)
                    continue
                }
                return  // The listener was shut down.
            }
        }
    }

    private func receive(_ visitor: consuming FileDescriptor) {
        // The socket is 0600 in a 0700 folder; this holds even where somebody loosened them.
        guard UnixSocket.isOwnUserOrRoot(visitor.rawValue), visitors.enter() else { return }
        let reply = ControlReply(visitor)
        do throws(SystemError) {
            try Thread.start(name: "visitor") {
                defer { self.visitors.leave() }
                self.serve(reply)
            }
        } catch { visitors.leave() }
    }

    private func serve(_ reply: ControlReply) {
        let began = Deadline.now()
        guard let request = reply.readRequest() else { return }
        switch request.kind {
        case .access:
            if let refusal = notRunning { return reply.fail(refusal) }
            guard snapshot.waitUntilProvisioned(deadline: .after(milliseconds: ControlServer.provisionPatience)) else {
                return reply.fail(
                    ControllerError(
                        .agentGone, "The agent in sandbox \(snapshot.name) came back and is not provisioned yet.",
                        advice: "Try again."))
            }
            reply.finish(
                ControlMessage(.done).with(.hostSecret, snapshot.secrets.host.revealHexadecimal())
                    .with(.guestSecret, snapshot.secrets.guest.revealHexadecimal())
                    .with(.guestCID, snapshot.current.guestCID.map(String.init))
                    .with(.forwards, request.bytes(.forwards) != nil && forwards != nil ? "held" : nil))
            execs?.begin(request, reply, at: began)
            forwards?.begin(request, reply, at: began)
        case .describe:
            var answer = ControlMessage(.done).with(.stateFile, snapshot.current.encoded())
            if request.integer(.peerLoss) != nil {
                let reason = snapshot.reasonForLoss()
                answer = answer.with(.text, reason.text).with(.advice, reason.advice)
            }
            reply.finish(answer)
        case .environment: reply.finish(ControlMessage(.done).with(.environment, environment.encoded()))
        case .health:
            if let refusal = notRunning { return reply.fail(refusal) }
            visitor(reply).answer()
        case .watchHealth:
            if let refusal = notRunning { return reply.fail(refusal) }
            visitor(reply).follow()
        case .stop:
            let options = StopOptions(
                force: request.integer(.force) == 1,
                timeoutSeconds: (request.integer(.timeoutMilliseconds) ?? 30_000) / 1000,
                keeps: request.integer(.keep) == 1)
            mailbox.post(.stop(options, reply))
        case .provision:
            if let refusal = notRunning { return reply.fail(refusal) }
            let names = (request.text(.steps) ?? "").split(separator: ",").map(String.init)
            let steps = Set(names.compactMap { ProvisionStep(name: $0) })
            guard !steps.isEmpty, steps.count == names.count else {
                return reply.fail(ControllerError(.usage, "The monitor of this sandbox does not know these steps."))
            }
            mailbox.post(.provision(steps, reply))
        case .listTokens:
            if let refusal = notRunning { return reply.fail(refusal) }
            mailbox.post(.listTokens(reply))
        case .changeTokens:
            if let refusal = notRunning { return reply.fail(refusal) }
            guard let change = request.tokenChange else {
                return reply.fail(ControllerError(.usage, "The monitor of this sandbox does not know this change."))
            }
            mailbox.post(.changeTokens(change, reply))
        default: reply.fail(ControllerError(.internal, "The monitor does not know this request."))
        }
    }

    private func visitor(_ reply: ControlReply) -> HealthVisitor {
        HealthVisitor(keeper: snapshot.health, reply: reply) { self.notRunning == nil }
    }

    /// The refusal for whoever needs a running guest, or nil when there is one.
    private var notRunning: ControllerError? {
        let state = snapshot.current.state
        if case .running = state { return nil }
        return ControllerError(
            .notRunning, "Sandbox \(snapshot.name) is \(state.word), not running.",
            advice: state.word == "starting" ? "Wait for `keystone agent start` to end." : nil)
    }

    /// No visitor gets in from now on.
    func close() { shutdown(listener.rawValue, Int32(SHUT_RDWR)) }
}

/// Counts those inside, up to a limit. Any thread.
final class VisitorCount: @unchecked Sendable {
    private let lock = Mutex()
    private let limit: Int
    private var count = 0
    private let left = try? EventDescriptor()

    init(limit: Int) { self.limit = limit }

    /// Becomes readable when somebody leaves, until `noticeLeaving`.
    var leftDescriptor: Int32 { left?.rawValue ?? -1 }
    func noticeLeaving() { left?.drain() }
    var isFull: Bool { lock.withLock { count >= limit } }

    func enter() -> Bool {
        lock.withLock {
            if count >= limit { return false }
            count += 1
            return true
        }
    }

    func leave() {
        lock.withLock { count -= 1 }
        left?.signal()
    }

    /// - Returns: false when nobody left in time.
    func waitForRoom(deadline: Deadline) -> Bool {
        while lock.withLock({ count >= limit }) {
            var entry = pollfd(fd: left?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, deadline.pollTimeout) == 0 { return false }
            left?.drain()
        }
        return true
    }
}
