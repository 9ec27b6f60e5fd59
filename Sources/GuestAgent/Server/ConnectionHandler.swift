import AgentProtocol
import Glibc
import LinuxSystem

/// One connection from its hello to its end.
///
/// Concurrency: used by all worker threads; what it holds is safe to share.
final class ConnectionHandler: Sendable {
    /// For the hello and for the request behind it, in milliseconds. Until then a peer costs a thread and 4 KiB.
    static let helloDeadline = 10_000

    private let credential: BootCredential
    private let launcher: ExecLauncher
    private let power: MachinePower?
    private let provisioner: Provisioner?
    private let ownership: OwnershipFixer?
    private let forwarder: Forwarder
    private let features: Features
    /// The answer to a host that speaks the newest version, as nearly every connection's does.
    private let welcome: [UInt8]
    private let helloMilliseconds: Int

    /// - Parameters:
    ///   - power: nil where the agent can't or must not end the machine.
    ///   - provisioner: nil where it can't or must not provision.
    ///   - ownership: nil where it can't or must not change owners.
    init(
        credential: BootCredential, launcher: ExecLauncher, power: MachinePower?,
        provisioner: Provisioner? = nil, ownership: OwnershipFixer? = nil, forwarder: Forwarder, features: Features,
        helloMilliseconds: Int = ConnectionHandler.helloDeadline
    ) {
        self.credential = credential
        self.launcher = launcher
        self.power = power
        self.provisioner = provisioner
        self.ownership = ownership
        self.forwarder = forwarder
        self.features = features
        welcome = Welcome(version: VersionRange.current.highest, features: features, secret: credential.guest).frame()
        self.helloMilliseconds = helloMilliseconds
    }

    /// Answers without reading anything: the peer has not shown who it is, so it learns no more than that.
    func refuse(_ connection: borrowing FileDescriptor, _ code: Failure.Code, _ message: String) {
        var outbox = Outbox()
        outbox.append(Failure(code, message).frame())
        _ = outbox.flush(to: connection)
    }

    func serve(_ connection: consuming FileDescriptor, _ leadership: Leadership) {
        var frames = FrameBuffer(capacity: Limits.helloPayload + FrameHeader.size, payloadLimit: Limits.helloPayload)
        var outbox = Outbox()
        do throws(Refusal) {
            let deadline = Deadline.after(milliseconds: helloMilliseconds)
            guard try authenticate(connection, &frames, &outbox, deadline, leadership) else { return }
            guard let request = try nextRequest(connection, &frames, &outbox, deadline, leadership) else { return }
            switch request {
            case .exec(let exec):
                frames.shrink()
                return launcher.run(exec, connection: connection, frames: frames, outbox: outbox, leadership)
            case .power(let action): try perform(action, connection, &outbox)
            case .provision(let provision):
                // It may take a while, and nobody would watch the listener.
                leadership.giveUp()
                frames.wipeTaken()
                try answer(provision, connection, &outbox)
                // The agent's start is over, of whose code most is never used again.
                ResidentMemory.release()
            case .ownership(let request):
                leadership.giveUp()
                guard let ownership else {
                    throw Refusal(.unsupported, "This guest agent can't change owners.")
                }
                try ownership.serve(request, connection, &outbox)
            case .forward(let request):
                // It may last for days, and a connect may wait.
                leadership.giveUp()
                frames.shrink()
                try forwarder.serve(request, connection, frames: frames, &outbox)
            case .echo:
                leadership.giveUp()
                try Echo.serve(connection, frames: &frames, outbox: &outbox)
            }
        } catch {
            outbox.append(error.failure.frame())
            _ = outbox.flush(to: connection)
        }
    }

    /// - Returns: false when the peer left without a word.
    private func authenticate(
        _ connection: borrowing FileDescriptor, _ frames: inout FrameBuffer, _ outbox: inout Outbox,
        _ deadline: Deadline,
        _ leadership: Leadership
    ) throws(Refusal) -> Bool {
        guard
            let hello = try FrameInput.next(
                connection, &frames, deadline, leadership,
                { frame throws(ProtocolError) in
                    guard frame.kind == .hello else { throw .malformed("greeting") }
                    return try Hello(decoding: frame.payload)
                })
        else { return false }
        // First of all: to the wrong peer nothing is said but that it is the wrong one.
        guard hello.secret.matches(credential.host) else {
            throw Refusal(.unauthorized, "The peer did not show this boot's secret.")
        }
        guard hello.role == .operation else {
            throw Refusal(.malformed, "The guest agent serves operations, not reports.")
        }
        guard let version = VersionRange.current.common(with: hello.versions) else {
            let (own, theirs) = (VersionRange.current, hello.versions)
            throw Refusal(
                .versionMismatch,
                "The guest agent \(SoftwareVersion.current) speaks versions \(own.lowest) to \(own.highest) "
                    + "of the protocol, the host \(theirs.lowest) to \(theirs.highest).")
        }
        frames.payloadLimit = .max
        if version == VersionRange.current.highest {
            outbox.append(welcome)
        } else {
            outbox.append(Welcome(version: version, features: features, secret: credential.guest).frame())
        }
        return true
    }

    private enum Request {
        case exec(ExecRequest)
        case power(PowerRequest.Action)
        case provision(ProvisionRequest)
        case ownership(OwnershipRequest)
        case forward(ForwardRequest)
        /// Its reply is in the outbox; more of its kind may follow.
        case echo
    }

    private func nextRequest(
        _ connection: borrowing FileDescriptor, _ frames: inout FrameBuffer, _ outbox: inout Outbox,
        _ deadline: Deadline,
        _ leadership: Leadership
    ) throws(Refusal) -> Request? {
        // The request usually rides behind the hello, and the welcome then rides with the answer. A host that
        // waits for the welcome first gets it now.
        if frames.pending == 0 { _ = outbox.flush(to: connection) }
        return try FrameInput.next(connection, &frames, deadline, leadership) {
            frame throws(ProtocolError) -> Request in
            switch frame.kind {
            case .execRequest: return .exec(try ExecRequest(decoding: frame.payload))
            case .powerRequest: return .power(try PowerRequest(decoding: frame.payload).action)
            case .provisionRequest: return .provision(try ProvisionRequest(decoding: frame.payload))
            case .ownershipRequest: return .ownership(try OwnershipRequest(decoding: frame.payload))
            case .forwardRequest: return .forward(try ForwardRequest(decoding: frame.payload))
            case .echo:
                Echo.reply(to: frame, &outbox)
                return .echo
            default: throw .malformed("request")
            }
        }
    }

    private func answer(
        _ request: ProvisionRequest, _ connection: borrowing FileDescriptor, _ outbox: inout Outbox
    ) throws(Refusal) {
        guard let provisioner else { throw Refusal(.unsupported, "This guest agent can't provision its machine.") }
        // A few KiB with the welcome: they find room in any socket's buffer.
        outbox.append(provisioner.run(request).frame())
        _ = outbox.flush(to: connection)
    }

    private func perform(
        _ action: PowerRequest.Action, _ connection: borrowing FileDescriptor, _ outbox: inout Outbox
    ) throws(Refusal) {
        guard let power else { throw Refusal(.unsupported, "This guest agent can't switch its machine off.") }
        // Answered before: afterwards there may be nobody to answer.
        outbox.append(FrameEncoding.frame(.accepted))
        _ = outbox.flush(to: connection)
        power.request(action)
    }
}
