import AgentProtocol
import Glibc
import LinuxSystem
import VsockTransport

extension GuestConnection {
    /// The agent may wait ten seconds for a listener in the guest that takes nobody in.
    private static let patience = 30_000
    /// For a client that goes on sending what nobody wants any more, in milliseconds.
    private static let lingering = 1_000

    /// Asks an agent whether it can forward, which also shows that it answers.
    /// - Throws: `unsupported` with what to do.
    static func requireForwarding(_ endpoint: Endpoint) throws(ControllerError) {
        let deadline = Deadline.after(milliseconds: patience)
        let connection = try open(endpoint, deadline: deadline)
        try connection.begin(FrameEncoding.frame(.echo), deadline: deadline)
        let welcome = try connection.readWelcome(deadline: deadline)
        guard welcome.features.contains(.forwarding) else {
            throw ControllerError(
                .unsupported, "The image's agent in sandbox \(endpoint.sandbox) can't forward.",
                advice: "Build the image again with `keystone agent image build`, then start with --fresh.")
        }
    }

    /// Carries a client's bytes to the guest and back until one of them has enough.
    /// - Parameter client: what follows is its close, which cuts it off where the guest's side was.
    /// - Throws: why the guest's side could not be reached, or what was wrong with it.
    static func forward(
        _ client: borrowing FileDescriptor, to guest: Forward.Guest, user: String?, by endpoint: Endpoint,
        _ tally: ForwardTally
    ) throws(ControllerError) {
        do throws(ControllerError) {
            let connection = try open(endpoint, deadline: .after(milliseconds: patience))
            try connection.ask(ForwardRequest(guest.target, user: user))
            try connection.carry(client, tally)
        } catch {
            TcpSocket.resetOnClose(client.rawValue)
            throw error
        }
    }

    private func ask(_ request: ForwardRequest) throws(ControllerError) {
        let deadline = Deadline.after(milliseconds: GuestConnection.patience)
        try begin(request.frame(), deadline: deadline)
        _ = try readWelcome(deadline: deadline)
        try withNextFrame(deadline: deadline) { (frame) throws(ControllerError) in
            switch frame.kind {
            case .accepted: return
            case .failure: throw self.refusal(try self.decode(Failure.self, frame))
            default: throw self.confused("answered with frame kind \(frame.kind.rawValue)")
            }
        }
    }

    private func carry(_ socket: borrowing FileDescriptor, _ tally: ForwardTally) throws(ControllerError) {
        var stream = ForwardedStream(.host, frames: reader.takeBuffer(), tally: tally)
        switch stream.run(socket: socket, connection: descriptor) {
        case .finished, .socketLost: return
        case .connectionLost where stream.hasDelivered: GuestConnection.linger(socket)
        case .connectionLost: TcpSocket.resetOnClose(socket.rawValue)
        case .refused(let error): throw confused("sent bytes that are not of the protocol: \(error)")
        case .failed(let failure): throw refusal(failure)
        }
    }

    /// What was sent last would be lost with a close while bytes of the client wait unread: the kernel then resets
    /// (`tcp_close`).
    private static func linger(_ socket: borrowing FileDescriptor) {
        let deadline = Deadline.after(milliseconds: lingering)
        var waste = [UInt8](repeating: 0, count: 16 * 1024)
        while !deadline.hasPassed, (try? socket.waitUntilReady(Int32(POLLIN), deadline: deadline)) != nil {
            let isOver = waste.withUnsafeMutableBytes { (try? socket.receive(into: $0)) ?? .endOfFile } == .endOfFile
            if isOver { return }
        }
    }
}

extension Forward.Guest {
    fileprivate var target: ForwardRequest.Target {
        switch self {
        case .port(let port): .port(port)
        case .path(let path): .path(Array(path.utf8))
        }
    }
}
