import Glibc
import LinuxSystem

/// The socket that host programs dial (`CONNECT <port>\n`), at a path that may be relative. Mode 0600. Removed again
/// when this object goes, if it is still the one that was made.
///
/// Concurrency: belongs to one thread.
final class HybridSocketListener {
    let path: String
    private let descriptor: FileDescriptor
    private let identity: (device: dev_t, inode: ino_t)?
    var rawValue: Int32 { descriptor.rawValue }

    /// - Throws: `EADDRINUSE` when somebody listens there, or when it is not a socket.
    init(path: String) throws(SystemError) {
        self.path = path
        try HybridSocketListener.removeStale(path)
        descriptor = try UnixSocket.listen(at: path)
        try descriptor.setNonBlocking(true)
        identity = HybridSocketListener.identity(of: path)
    }

    deinit {
        guard let identity, let now = HybridSocketListener.identity(of: path), now == identity else { return }
        unlink(path)
    }

    /// Other users of the host are turned away. The socket's mode does so first; this holds where somebody loosened it.
    /// - Returns: nil when nobody waits.
    func accept() throws(SystemError) -> FileDescriptor? {
        while let visitor = try UnixSocket.accept(descriptor.rawValue) {
            let isAllowed = UnixSocket.isOwnUserOrRoot(visitor.rawValue)
            if isAllowed { return visitor }
        }
        return nil
    }

    /// Dials the host program that listens for the guest's port `port`.
    func dial(port: UInt32) throws(SystemError) -> FileDescriptor {
        try UnixSocket.connectAtOnce(to: "\(path)_\(port)")
    }

    /// Removes a socket that nobody listens on, as a device that was killed leaves behind.
    private static func removeStale(_ path: String) throws(SystemError) {
        guard identity(of: path) != nil else { return }
        do throws(SystemError) {
            _ = try UnixSocket.connectAtOnce(to: path)
        } catch {
            if error.code == ECONNREFUSED {
                unlink(path)
                return
            }
            if error.code == ENOENT { return }
        }
        throw SystemError("listen at \(path)", code: EADDRINUSE)
    }

    private static func identity(of path: String) -> (device: dev_t, inode: ino_t)? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        return (status.st_dev, status.st_ino)
    }
}
