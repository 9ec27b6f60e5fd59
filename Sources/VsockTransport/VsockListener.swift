import Glibc
import LinuxSystem

/// A connection that somebody made to us.
@frozen
public struct AcceptedConnection: ~Copyable, Sendable {
    /// Blocking and close-on-exec.
    public var descriptor: FileDescriptor
    /// The visitor's context id; nil over UNIX sockets.
    public let peerCID: UInt32?

    /// Gives the descriptor away.
    public consuming func take() -> FileDescriptor { descriptor }
}

/// Listens on one vsock port: AF_VSOCK itself, or the UNIX socket `<path>_<port>` (mode 0600) to which the hybrid
/// device brings what the guest dials. The socket file goes with the listener.
///
/// Concurrency: any number of threads may accept.
public final class VsockListener: Sendable {
    private let descriptor: FileDescriptor
    private let requiredPeer: UInt32?
    private let isVsock: Bool
    /// The socket file we made, by which we know it again.
    private let file: (path: String, device: dev_t, inode: ino_t)?

    /// For pollers: readable while somebody waits.
    public var rawValue: Int32 { descriptor.rawValue }

    /// - Parameters:
    ///   - address: for AF_VSOCK the context id is not used: it binds to every one (VMADDR_CID_ANY), because a guest's
    ///     own id may change when it is resumed elsewhere.
    ///   - requiredPeer: over AF_VSOCK, visitors of any other context id are closed at once.
    /// - Throws: `addressInUse` when somebody listens there. A socket file that nobody listens behind is replaced.
    public init(_ address: VsockAddress, port: UInt32, requiredPeer: UInt32? = nil) throws(TransportError) {
        self.requiredPeer = requiredPeer
        switch address {
        case .vsock:
            isVsock = true
            file = nil
            do throws(SystemError) {
                descriptor = try VsockSocket.listen(port: port, bufferBytes: VsockTransport.bufferBytes)
            } catch {
                let code: TransportError.Code = error.code == EADDRINUSE ? .addressInUse : .system
                throw TransportError(code, "vsock port \(port) can't be listened on", error)
            }
        case .hybrid(let path), .unix(let path):
            isVsock = false
            let target = VsockAddress.portPath(path, port)
            descriptor = try VsockListener.listen(at: target)
            var status = stat()
            file = lstat(target, &status) == 0 ? (target, status.st_dev, status.st_ino) : nil
        }
    }

    deinit {
        guard let file else { return }
        var status = stat()
        // Not a file that replaced ours meanwhile.
        if lstat(file.path, &status) == 0, status.st_dev == file.device, status.st_ino == file.inode {
            unlink(file.path)
        }
    }

    /// Waits for the next connection of a permitted peer.
    /// - Throws: `timedOut` at the deadline; `system` with EMFILE and the like, where trying again at once is no use.
    public func accept(deadline: Deadline = .never) throws(TransportError) -> AcceptedConnection {
        do throws(SystemError) {
            while true {
                if deadline != .never { try descriptor.waitUntilReady(POLLIN, deadline: deadline) }
                guard isVsock else {
                    if let visitor = try UnixSocket.accept(rawValue) {
                        return AcceptedConnection(descriptor: visitor, peerCID: nil)
                    }
                    continue
                }
                var peer: UInt32 = 0
                guard let visitor = try VsockSocket.accept(rawValue, peerCID: &peer) else { continue }
                if let requiredPeer, peer != requiredPeer { continue }
                return AcceptedConnection(descriptor: visitor, peerCID: peer)
            }
        } catch {
            if error.code == ETIMEDOUT { throw TransportError(.timedOut, "Nobody connected in time", error) }
            throw TransportError(.system, "A connection can't be accepted", error)
        }
    }

    private static func listen(at path: String) throws(TransportError) -> FileDescriptor {
        do throws(SystemError) { return try UnixSocket.listen(at: path) } catch {
            guard error.code == EADDRINUSE else { throw TransportError(.system, "\(path) can't be listened on", error) }
        }
        try removeStale(path)
        do throws(SystemError) { return try UnixSocket.listen(at: path) } catch {
            let code: TransportError.Code = error.code == EADDRINUSE ? .addressInUse : .system
            throw TransportError(code, "\(path) can't be listened on", error)
        }
    }

    /// Unlinks a socket file only when a connect proves that nobody listens behind it, and nothing but a socket.
    private static func removeStale(_ path: String) throws(TransportError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw TransportError(.addressInUse, "\(path) exists and is not a socket.")
        }
        do throws(SystemError) {
            _ = try UnixSocket.connect(to: path, deadline: .after(milliseconds: 1000))
        } catch {
            if error.code == ECONNREFUSED { unlink(path) }
            if error.code == ECONNREFUSED || error.code == ENOENT { return }
        }
        throw TransportError(.addressInUse, "Somebody else listens at \(path).")
    }
}
