import AgentProtocol
import Glibc
import LinuxSystem
import VsockTransport

/// Takes the agent's hello: the guest dials `Ports.report` when it is ready, and keeps the connection as its report
/// channel. Everything that comes in is hostile until it has shown the boot secret, and bounded after.
///
/// Concurrency: one thread accepts, each connection has a thread, at most `maximumConnections` at a time.
final class ReportListener: @unchecked Sendable {
    static let maximumConnections = 8
    static let helloDeadlineMilliseconds = 10_000

    private let listener: VsockListener
    private let secrets: BootSecrets
    private let mailbox: Mailbox
    private let health: HealthKeeper
    private let visitors = VisitorCount(limit: maximumConnections)
    private let presence = Mutex()
    /// Under `presence`, as is the order of what is posted about agents.
    private var agentCount = 0
    private var latest: AgentReport?
    private let strangers = Mutex()
    /// Connections that have not shown the secret, oldest first; under `strangers`.
    private var waiting: [AgentReport] = []
    /// One that crashes and is started again may come ten times at once; under `presence`.
    private var hellos = RateLimit(burst: 10, milliseconds: 1_000)
    private let isUnix: Bool

    init(
        address: VsockAddress, port: UInt32 = Ports.report, requiredPeer: UInt32? = nil, secrets: BootSecrets,
        mailbox: Mailbox, health: HealthKeeper = HealthKeeper()
    ) throws(TransportError) {
        listener = try VsockListener(address, port: port, requiredPeer: requiredPeer)
        self.secrets = secrets
        self.mailbox = mailbox
        self.health = health
        if case .vsock = address { isUnix = false } else { isUnix = true }
        do throws(SystemError) {
            try Thread.start(name: "report") { self.acceptAgents() }
        } catch {
            throw TransportError(.system, "No thread can be started (\(error.reason)).", systemCode: error.code)
        }
    }

    func close() { shutdown(listener.rawValue, Int32(SHUT_RDWR)) }

    private func acceptAgents() {
        while true {
            do throws(TransportError) {
                receive(try listener.accept().take())
            } catch {
                guard [EMFILE, ENFILE, ENOMEM].contains(error.systemCode) else { return }  // It was shut down.
                // Descriptors come back as others leave; a pause keeps this from spinning.
                poll(nil, 0, 100)
            }
        }
    }

    private func receive(_ connection: consuming FileDescriptor) {
        // The device's own, which runs as we do: other users of the host are no guests.
        if isUnix, !UnixSocket.isOwnUserOrRoot(connection.rawValue) { return }
        let agent = AgentReport(connection)
        // Whoever has not shown the secret yet makes room: a process of the guest that holds all places must not keep the agent
        // out, which speaks as soon as it is in.
        if !visitors.enter() {
            guard makeRoom(), visitors.enter() else { return }
        }
        strangers.withLock { waiting.append(agent) }
        do throws(SystemError) {
            try Thread.start(name: "agent-report") {
                defer {
                    self.forget(agent)
                    self.visitors.leave()
                }
                self.serve(agent)
            }
        } catch {
            forget(agent)
            visitors.leave()
        }
    }

    private func forget(_ agent: AgentReport) { strangers.withLock { waiting.removeAll { $0 === agent } } }

    /// Sends the one away who has been silent longest.
    private func makeRoom() -> Bool {
        guard let oldest = strangers.withLock({ waiting.isEmpty ? nil : waiting.removeFirst() }) else { return false }
        oldest.close()
        return visitors.waitForRoom(deadline: .after(milliseconds: 1_000))
    }

    private func serve(_ agent: AgentReport) {
        guard let hello = agent.readHello(deadline: .after(milliseconds: ReportListener.helloDeadlineMilliseconds))
        else { return }
        guard hello.role == .report, hello.secret.matches(secrets.guest) else {
            agent.send(Failure(.unauthorized, "the boot secret is wrong").frame())
            return
        }
        guard let version = VersionRange.current.common(with: hello.versions) else {
            let (ours, theirs) = (VersionRange.current, hello.versions)
            agent.send(
                Failure(
                    .versionMismatch,
                    "this host speaks protocol versions \(ours.lowest) to \(ours.highest), the agent \(theirs.lowest) to \(theirs.highest)"
                ).frame())
            return
        }
        forget(agent)
        // Each costs a run of provisioning and lines in the events.
        _ = poll(nil, 0, presence.withLock { hellos.note() }.pollTimeout)
        let greeting = AgentGreeting(
            softwareVersion: PrintableText.escaped(hello.softwareVersion),
            bootID: PrintableText.escaped(hello.bootID ?? ""), features: hello.features)
        presence.withLock {
            agentCount += 1
            // A guest has one agent: the one before is dead and not yet seen to be, or no agent, and a true one dials again.
            latest?.close()
            latest = agent
            health.noteHello(reports: hello.features.contains(.health))
            mailbox.post(.agentHello(greeting))
        }
        agent.send(Welcome(version: version, features: .health, secret: secrets.host).frame())
        agent.readReports { report, bytes in
            // One that a restarted agent has replaced has no say.
            self.presence.withLock { if self.latest === agent { self.health.take(report, bytes: bytes) } }
        }
        // A restarted agent may say hello before its predecessor's end is seen: only the last one's loss is one.
        presence.withLock {
            agentCount -= 1
            // The connection ends with its last reference.
            if latest === agent { latest = nil }
            if agentCount == 0 {
                health.noteLoss()
                mailbox.post(.agentLost)
            }
        }
    }
}

/// One agent's report connection. One thread.
private final class AgentReport: @unchecked Sendable {
    private let descriptor: FileDescriptor
    private let reader = FrameReader()

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Its thread then finds that it has gone.
    func close() { shutdown(descriptor.rawValue, Int32(SHUT_RDWR)) }

    func readHello(deadline: Deadline) -> Hello? {
        guard let frame = try? reader.next(from: descriptor, deadline: deadline), frame.kind == .hello else {
            return nil
        }
        return try? Hello(decoding: frame.payload)
    }

    func send(_ bytes: [UInt8]) {
        try? descriptor.writeAll(bytes, deadline: .after(milliseconds: ReportListener.helloDeadlineMilliseconds))
    }

    /// Returns when the agent is gone or sends what it may not. Ignorable frames of later agents are skipped by `FrameBuffer`;
    /// all but reports end the connection, and so does a report that is none.
    ///
    /// An agent that reports without end is read no faster than honest ones report, so it waits, and costs us little.
    func readReports(_ take: (HealthReport, Int) -> Void) {
        // Twice what an honest agent sends.
        var pace = RateLimit(burst: 100, milliseconds: 50)
        while let frame = try? reader.next(from: descriptor, deadline: .never) {
            guard frame.kind == .healthReport, let report = try? HealthReport(decoding: frame.payload) else { return }
            take(report, FrameHeader.size + frame.payload.count)
            _ = poll(nil, 0, pace.note().pollTimeout)
        }
    }
}
