import Glibc
import LinuxSystem

/// Where a forward takes connections on this machine.
///
/// Concurrency: one thread makes it and removes its socket file; `accept` is for one thread, too.
final class ForwardListener: Sendable {
    /// With the port that it has.
    let forward: Forward
    private let socket: FileDescriptor
    /// Of the socket file that we made, to know it again.
    private let file: (device: dev_t, inode: ino_t)?

    var rawDescriptor: Int32 { socket.rawValue }

    /// - Throws: `busy` for what is taken, `permission`, `badPath`, `usage`.
    init(_ asked: Forward) throws(ControllerError) {
        var forward = asked
        do throws(SystemError) {
            switch asked.host {
            case .port(let address, let port):
                socket = try TcpSocket.listen(at: address, port: port)
                forward.host = .port(address, try TcpSocket.port(of: socket.rawValue))
                file = nil
            case .path(let path):
                socket = try UnixSocket.listen(at: path)
                file = ForwardListener.identity(path)
            }
            // A visitor may leave between poll(2) and accept(2).
            try socket.setNonBlocking(true)
        } catch {
            throw ForwardListener.explain(error, asked)
        }
        self.forward = forward
    }

    /// - Returns: nil when nobody is there any more.
    func accept() throws(SystemError) -> FileDescriptor? {
        let visitor = try UnixSocket.accept(socket.rawValue)
        guard let visitor else { return nil }
        if case .port = forward.host { TcpSocket.prepareStream(visitor.rawValue) }
        return visitor
    }

    /// Takes the socket file away, unless somebody has put another in its place.
    func removeFile() {
        guard case .path(let path) = forward.host, let file, let now = ForwardListener.identity(path) else { return }
        if now == file { unlink(path) }
    }

    private static func identity(_ path: String) -> (device: dev_t, inode: ino_t)? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        return (status.st_dev, status.st_ino)
    }

    private static func explain(_ error: SystemError, _ asked: Forward) -> ControllerError {
        let guest = asked.guest.description
        switch (asked.host, error.code) {
        case (.port(let address, let port), EADDRINUSE):
            let other = Forward.Host.port(address, port < 55535 ? port + 10000 : 0)
            return ControllerError(
                .busy, "Port \(port) of \(address) is taken on this machine.",
                advice:
                    "Take another, such as `\(other):\(guest)`, or `\(Forward.Host.port(address, 0)):\(guest)` for any that is free."
            )
        case (.port(let address, _), EADDRNOTAVAIL), (.port(let address, _), EAFNOSUPPORT):
            return ControllerError(
                .usage, "\(address) is not an address of this machine.", advice: "`ip address` shows those it has.")
        case (.port(_, let port), EACCES), (.port(_, let port), EPERM):
            return ControllerError(
                .permission, "You may not listen on port \(port): ports below 1024 are root's.",
                advice: "Take a higher one, such as `\(Int(port) + 8000):\(guest)`.")
        case (.path(let path), EADDRINUSE):
            return ControllerError(
                .busy, "\(PrintableText.quoted(path)) is there already.",
                advice: "Choose another path, or remove it where nothing uses it any more.")
        case (.path(let path), ENOENT), (.path(let path), ENOTDIR), (.path(let path), EACCES), (.path(let path), EROFS),
            (.path(let path), ENAMETOOLONG), (.path(let path), EPERM):
            return ControllerError(
                .badPath, "A socket can't be made at \(PrintableText.quoted(path)): \(error.reason).",
                advice: "Choose a path in a folder that is yours.")
        default: return .system(error, doing: "Listening at \(asked.host)")
        }
    }
}
