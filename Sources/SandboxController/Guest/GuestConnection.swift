import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization
import VsockTransport

/// One operation's connection to the agent in a sandbox.
///
/// Concurrency: one thread reads (`nextFrame`), any thread sends; sends are serialized by a lock, so that frames never
/// interleave. Closed once, when the last reference goes; `abort` makes both directions fail at once.
public final class GuestConnection: Sendable {
    /// Where an agent is and what proves both sides; given out by the sandbox's monitor only.
    public struct Endpoint: Sendable {
        let address: VsockAddress
        let secrets: BootSecrets
        /// For sentences.
        let sandbox: String
    }

    let endpoint: Endpoint
    let descriptor: FileDescriptor
    private let sending = Mutex()
    let reader: FrameReader
    private let established = Atomic<Bool>(false)

    private init(endpoint: Endpoint, descriptor: consuming FileDescriptor) {
        self.endpoint = endpoint
        self.descriptor = descriptor
        reader = FrameReader()
    }

    /// Asks the sandbox's monitor for the way to its agent.
    /// - Throws: `noSuchSandbox`, `notRunning`, `agentGone` … with the sentence that is true now.
    public static func endpoint(
        sandbox name: String, in directory: StateDirectory, deadline: Deadline = .after(milliseconds: 10_000)
    ) throws(ControllerError) -> Endpoint {
        let answer: ControlMessage
        do throws(SystemError) {
            let client = try ControlClient(sandbox: name, in: directory, deadline: deadline)
            answer = try askForAccess(client, deadline: deadline)
        } catch {
            throw Unreachable.explain(name, in: directory)
        }
        if answer.kind == .failed { throw answer.error }
        return try endpoint(from: answer, sandbox: name, in: directory)
    }

    /// - Parameter answer: to a request for access.
    static func endpoint(
        from answer: ControlMessage, sandbox name: String, in directory: StateDirectory
    ) throws(ControllerError) -> Endpoint {
        guard let host = answer.bytes(.hostSecret).flatMap({ Secret(hexadecimal: $0) }),
            let guest = answer.bytes(.guestSecret).flatMap({ Secret(hexadecimal: $0) })
        else { throw ControllerError(.internal, "The monitor of sandbox \(name) gave no way to its agent.") }
        return Endpoint(
            address: .guest(of: name, in: directory, guestCID: answer.text(.guestCID).flatMap { UInt32($0) }),
            secrets: BootSecrets(host: host, guest: guest), sandbox: name)
    }

    private static func askForAccess(_ client: consuming ControlClient, deadline: Deadline) throws(SystemError)
        -> ControlMessage
    {
        do throws(ControllerError) {
            return try client.ask(ControlMessage(.access), deadline: deadline)
        } catch {
            return ControlMessage.failure(error)
        }
    }

    /// Opens a connection for one operation.
    public static func open(
        sandbox name: String, in directory: StateDirectory, deadline: Deadline = .after(milliseconds: 30_000)
    ) throws(ControllerError) -> GuestConnection {
        try open(try endpoint(sandbox: name, in: directory, deadline: deadline), deadline: deadline)
    }

    /// Opens a connection to a known endpoint. Nothing is sent and nothing awaited yet: the request travels with the
    /// hello, right behind the connection itself, and `begin` tells whether somebody took it.
    public static func open(
        _ endpoint: Endpoint, deadline: Deadline = .after(milliseconds: 30_000)
    ) throws(ControllerError) -> GuestConnection {
        do throws(TransportError) {
            let descriptor = try VsockTransport.dialAhead(endpoint.address, port: Ports.operations, deadline: deadline)
            return GuestConnection(endpoint: endpoint, descriptor: descriptor)
        } catch {
            throw unreachable(endpoint, error)
        }
    }

    /// Whether the agent took the connection. What fails before says itself why; what fails later was a loss.
    var isEstablished: Bool { established.load(ordering: .relaxed) }

    var rawDescriptor: Int32 { descriptor.rawValue }

    /// Sends the hello and the first request in one write, so that an operation costs one round trip, and waits until the
    /// agent has taken the connection.
    /// - Parameter meanwhile: done while the request is on its way.
    func begin(
        _ request: [UInt8], deadline: Deadline, meanwhile: () throws(ControllerError) -> Void = {}
    ) throws(ControllerError) {
        let opening = VsockTransport.opening(endpoint.address, port: Ports.operations)
        let hello = Hello(role: .operation, secret: endpoint.secrets.host)
        var failure: ControllerError?
        do throws(ControllerError) {
            try send(opening + hello.frame() + request, deadline: deadline)
        } catch { failure = error }
        try meanwhile()
        do throws(TransportError) {
            try VsockTransport.confirm(descriptor, endpoint.address, port: Ports.operations, deadline: deadline)
        } catch {
            // Why nobody took it is the better reason for the failed write, too.
            throw GuestConnection.unreachable(endpoint, error)
        }
        if let failure { throw failure }
        established.store(true, ordering: .relaxed)
    }

    func send(_ bytes: [UInt8], deadline: Deadline = .never) throws(ControllerError) {
        sending.lock()
        defer { sending.unlock() }
        do throws(SystemError) {
            try descriptor.writeAll(bytes, deadline: deadline)
        } catch {
            throw lost(error)
        }
    }

    /// Reads the agent's welcome and checks that it is the agent.
    func readWelcome(deadline: Deadline, waiting: FrameReader.Wait? = nil) throws(ControllerError) -> Welcome {
        let welcome = try withNextFrame(deadline: deadline, waiting: waiting) {
            (frame) throws(ControllerError) -> Welcome in
            switch frame.kind {
            case .welcome: return try self.decode(Welcome.self, frame)
            case .failure: throw self.refusal(try self.decode(Failure.self, frame))
            default: throw self.confused("sent frame kind \(frame.kind.rawValue) before its welcome")
            }
        }
        guard welcome.secret.matches(endpoint.secrets.guest) else {
            throw ControllerError(
                .agentRefused,
                "What answers in sandbox \(endpoint.sandbox) is not its agent: it does not know the boot secret.")
        }
        return welcome
    }

    /// Waits for one frame and hands it over; the payload is valid inside `body` only. One thread reads.
    func withNextFrame<Value>(
        deadline: Deadline, waiting: FrameReader.Wait? = nil, _ body: (Frame) throws(ControllerError) -> Value
    ) throws(ControllerError) -> Value {
        let frame: Frame
        do throws(FrameReader.Failure) {
            frame = try reader.next(from: descriptor, deadline: deadline, waiting: waiting)
        } catch {
            switch error {
            case .ended: throw connectionLost()
            case .system(let cause): throw lost(cause)
            case .malformed(let cause): throw confused("sent bytes that are not of the protocol: \(cause)")
            }
        }
        return try body(frame)
    }

    func decode<Message: WireMessage>(_ type: Message.Type, _ frame: Frame) throws(ControllerError) -> Message {
        do throws(ProtocolError) {
            return try Message(decoding: frame.payload)
        } catch {
            throw confused("sent a malformed message: \(error)")
        }
    }

    /// Makes every read and write on this connection fail from now on.
    func abort() { shutdown(descriptor.rawValue, Int32(SHUT_RDWR)) }

    // MARK: Sentences

    private static func unreachable(_ endpoint: Endpoint, _ error: TransportError) -> ControllerError {
        ControllerError(
            .agentGone, "The agent in sandbox \(endpoint.sandbox) can't be reached: \(error.message)",
            advice: "Look at `keystone agent status \(endpoint.sandbox)` and at its console.log.")
    }

    func refusal(_ failure: Failure) -> ControllerError {
        let text = PrintableText.escaped(failure.message)
        switch failure.code {
        case .unauthorized, .versionMismatch, .malformed, .unsupported, .other:
            return ControllerError(.agentRefused, "The agent in sandbox \(endpoint.sandbox) refused: \(text)")
        default: return ControllerError(.agentRefused, text)
        }
    }

    func confused(_ what: String) -> ControllerError {
        ControllerError(
            .agentRefused, "The agent in sandbox \(endpoint.sandbox) \(PrintableText.escaped(what)).",
            advice: "Restart the sandbox.")
    }

    private func lost(_ error: SystemError) -> ControllerError {
        if error.code == ETIMEDOUT {
            return ControllerError(.timeout, "The agent in sandbox \(endpoint.sandbox) did not answer in time.")
        }
        return connectionLost()
    }

    private func connectionLost() -> ControllerError {
        ControllerError(.agentGone, "The connection to the agent in sandbox \(endpoint.sandbox) was lost.")
    }
}
