import AgentProtocol
import Glibc
import LinuxSystem
import VsockTransport

/// Connects the host to something that listens in the guest.
///
/// Concurrency: used by all worker threads; what it holds is safe to share. A forward lives on the worker that took it.
struct Forwarder: Sendable {
    private let users: UserDatabase
    private let defaults: SessionDefaults

    init(users: UserDatabase, defaults: SessionDefaults) {
        self.users = users
        self.defaults = defaults
    }

    /// Serves a forward to its end.
    /// - Parameters:
    ///   - frames: what came behind the request.
    ///   - outbox: the welcome, which travels with the answer.
    /// - Throws: why there is no connection; nothing but the welcome has been said then.
    func serve(
        _ request: ForwardRequest, _ connection: borrowing FileDescriptor, frames: consuming FrameBuffer,
        _ outbox: inout Outbox
    ) throws(Refusal) {
        let socket = try connect(request)
        outbox.append(FrameEncoding.frame(.accepted))
        // Some hundred bytes, the first on this connection.
        guard outbox.flush(to: connection) == .done else { return }
        var stream = ForwardedStream(.guest, frames: frames)
        switch stream.run(socket: socket, connection: connection) {
        case .finished, .socketLost: break
        case .connectionLost, .failed: if !stream.hasDelivered { TcpSocket.resetOnClose(socket.rawValue) }
        case .refused(let error):
            TcpSocket.resetOnClose(socket.rawValue)
            throw Refusal(.malformed, "The guest agent got \(error).")
        }
    }

    private func connect(_ request: ForwardRequest) throws(Refusal) -> FileDescriptor {
        switch request.target {
        case .port(let port): return try ForwardTarget.connect(port: port)
        case .path(let path):
            return try ForwardTarget.connect(path: path, as: try users.user(request.user ?? defaults.current.user))
        }
    }
}
