import AgentProtocol
import Glibc
import LinuxSystem
import VsockTransport

/// Tells the host that the agent serves, once at boot and whenever the connection was lost, and then how the guest is.
///
/// Concurrency: a thread of its own, asleep in `poll` while the host listens.
final class ReportChannel: Sendable {
    /// Between two attempts, in milliseconds: doubled from the first to the second.
    private static let shortestPause = 50
    private static let longestPause = 30_000
    /// For each step of one attempt, in milliseconds.
    private static let stepDeadline = 10_000

    private let address: VsockAddress
    private let credential: BootCredential
    private let hello: [UInt8]
    private let sessions: SessionTable
    private let news: SessionNews?
    /// An agent on UNIX sockets may run anywhere.
    private let ownsMachine: Bool
    private let gate: Int32?

    /// - Parameters:
    ///   - sessions: what to report of sessions.
    ///   - news: tells when to.
    ///   - after: a descriptor to take over; the hello waits for its end. `start` is then called once.
    init(
        address: VsockAddress, credential: BootCredential, features: Features, sessions: SessionTable,
        news: SessionNews?, after: Int32? = nil
    ) {
        gate = after
        self.address = address
        self.credential = credential
        self.sessions = sessions
        self.news = news
        if case .vsock = address { ownsMachine = true } else { ownsMachine = false }
        let bootID = (try? SmallFile.read("/proc/sys/kernel/random/boot_id", limit: 64)).map {
            String(decoding: $0.prefix { $0 > 0x20 }, as: UTF8.self)
        }
        hello = Hello(features: features, role: .report, secret: credential.guest, bootID: bootID).frame()
    }

    func start() throws(SystemError) {
        try Thread.start(name: "keystone-report", stackKibibytes: 128) { self.run() }
    }

    private func run() {
        if ownsMachine { Processors.switchOn() }
        if let gate { ReportChannel.waitForEnd(of: FileDescriptor(owning: gate)) }
        var pause = ReportChannel.shortestPause
        var lastComplaint = ""
        let reporter = HealthReporter(sessions: sessions, news: news, ownsMachine: ownsMachine)
        while true {
            let complaint = attempt(reporter) { pause = ReportChannel.shortestPause }
            // A host that stays away is said once, not every 30 seconds.
            if complaint != lastComplaint { AgentLog.say(complaint) }
            lastComplaint = complaint
            _ = poll(nil, 0, Int32(pause))
            pause = min(pause * 2, ReportChannel.longestPause)
        }
    }

    /// PID 1 closes the other end when the machine is whole, and the kernel does should PID 1's wait go wrong.
    private static func waitForEnd(of gate: consuming FileDescriptor) {
        var byte: UInt8 = 0
        while true {
            let count = Glibc.read(gate.rawValue, &byte, 1)
            if count == 0 || (count < 0 && errno != EINTR) { return }
        }
    }

    /// Dials, says hello and stays until the host goes.
    /// - Parameter welcomed: called once the host has proved itself.
    /// - Returns: why it ended.
    private func attempt(_ reporter: HealthReporter, welcomed: () -> Void) -> String {
        do {
            let deadline = Deadline.after(milliseconds: ReportChannel.stepDeadline)
            let connection = try VsockTransport.dial(address, port: credential.reportPort, deadline: deadline)
            try connection.sendAll(hello, deadline: deadline)
            var frames = FrameBuffer(capacity: 1024, payloadLimit: Limits.helloPayload)
            var answer: Failure?
            let welcome = try FrameInput.next(connection, &frames, deadline) {
                frame throws(ProtocolError) -> Welcome? in
                if frame.kind == .failure {
                    answer = try Failure(decoding: frame.payload)
                    return nil
                }
                guard frame.kind == .welcome else { throw .malformed("answer to hello") }
                return try Welcome(decoding: frame.payload)
            }
            if let answer { return "the host refused the hello: \(answer.message)" }
            guard case .some(.some(let welcome)) = welcome else {
                return "the host closed the report channel during the hello"
            }
            guard welcome.secret.matches(credential.host) else { return "who answered the hello is not the host" }
            welcomed()
            if welcome.features.contains(.health) { try reporter.serve(connection) }
            // Nothing is expected; what comes is taken off until the host goes.
            while try FrameInput.next(connection, &frames, .never, nil, { _ throws(ProtocolError) in }) != nil {}
            return "the host closed the report channel"
        } catch let error as TransportError {
            return error.message
        } catch let error as Refusal {
            return error.failure.message
        } catch {
            return "the report channel failed: \(error)"
        }
    }
}
