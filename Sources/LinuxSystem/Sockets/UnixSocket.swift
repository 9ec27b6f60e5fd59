import CLinux
import Glibc

/// AF_UNIX stream sockets. All are close-on-exec.
public enum UnixSocket {
    /// Two connected ends.
    public static func pair() throws(SystemError) -> DescriptorPair {
        try DescriptorPair("create a socket pair") {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, $0)
        }
    }

    /// A listening socket at `path`, which must not exist. Paths longer than `sun_path` (107 bytes) are reached
    /// through a descriptor of their directory, so any path works.
    /// - Parameter mode: permissions of the socket file, set before anybody can connect.
    public static func listen(at path: String, mode: mode_t = 0o600, backlog: Int32 = 4096) throws(SystemError)
        -> FileDescriptor
    {
        let socket = try make()
        let raw = socket.rawValue
        // The mode that counts at bind(2) is the socket's own (fchmod before bind), so there is no window.
        try retryingInterrupts("set socket mode") { fchmod(raw, mode) }
        try withAddress(path, "listen at \(path)") { bind(raw, $0, $1) }
        try retryingInterrupts("listen at \(path)") { Glibc.listen(raw, backlog) }
        return socket
    }

    /// Connects, waiting until the deadline when the listener's queue is full.
    /// - Throws: `ENOENT` or `ECONNREFUSED` when nobody listens; `ETIMEDOUT`.
    public static func connect(to path: String, deadline: Deadline = .never) throws(SystemError) -> FileDescriptor {
        let socket = try make()
        let raw = socket.rawValue
        if deadline != .never { try setSendTimeout(raw, deadline) }
        do throws(SystemError) {
            try withAddress(path, "connect to \(path)") { Glibc.connect(raw, $0, $1) }
        } catch {
            // A blocking UNIX connect that runs out of SO_SNDTIMEO answers EAGAIN (unix(7)).
            throw error.code == EAGAIN ? SystemError(error.operation, code: ETIMEDOUT) : error
        }
        if deadline != .never { try setSendTimeout(raw, .never) }
        return socket
    }

    /// Connects without ever waiting.
    /// - Throws: `ENOENT` or `ECONNREFUSED` when nobody listens, `EAGAIN` when the listener's queue is full.
    public static func connectAtOnce(to path: String) throws(SystemError) -> FileDescriptor {
        let socket = try make()
        try socket.setNonBlocking(true)
        let raw = socket.rawValue
        try withAddress(path, "connect to \(path)") { Glibc.connect(raw, $0, $1) }
        return socket
    }

    /// - Returns: nil when nobody is waiting on a non-blocking listener or the visitor left.
    public static func accept(_ listener: Int32) throws(SystemError) -> FileDescriptor? {
        while true {
            let raw = ks_accept(listener)
            if raw >= 0 { return FileDescriptor(owning: raw) }
            switch errno {
            case EINTR: continue
            case EAGAIN, ECONNABORTED: return nil
            default: throw SystemError("accept a connection")
            }
        }
    }

    /// Who is at the other end of a connected socket (`SO_PEERCRED`, as of when it connected).
    public static func peerCredentials(_ socket: Int32) throws(SystemError) -> (
        processID: pid_t, userID: uid_t, groupID: gid_t
    ) {
        var (process, user, group): (Int32, UInt32, UInt32) = (0, 0, 0)
        try retryingInterrupts("read peer credentials") { ks_peer_credentials(socket, &process, &user, &group) }
        return (process, user, group)
    }

    /// Whether the other end is the user that this process is, or root, who may do everything anyway.
    public static func isOwnUserOrRoot(_ socket: Int32) -> Bool {
        guard let peer = try? peerCredentials(socket) else { return false }
        return peer.userID == geteuid() || peer.userID == 0
    }

    private static func make() throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try retryingInterrupts("create a socket") {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
    }

    private static func setSendTimeout(_ socket: Int32, _ deadline: Deadline) throws(SystemError) {
        let left = deadline == .never ? 0 : max(1, Int(deadline.pollTimeout))
        var time = timeval(tv_sec: left / 1000, tv_usec: (left % 1000) * 1000)
        try retryingInterrupts("set a socket's time limit") {
            setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    private static func withAddress(
        _ path: String, _ operation: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SystemError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard !path.isEmpty, !path.utf8.contains(0) else { throw SystemError(operation, code: EINVAL) }
        if path.utf8.count < capacity {
            fill(&address, path)
            try retryingInterrupts(operation) { invoke(&address, call) }
            return
        }
        let cut = path.lastIndex(of: "/") ?? path.startIndex
        let directory = try FileDescriptor.open(String(path[..<cut]), Int32(KS_O_PATH) | O_DIRECTORY)
        let short = "/proc/self/fd/\(directory.rawValue)/\(path[path.index(after: cut)...])"
        guard short.utf8.count < capacity else { throw SystemError(operation, code: ENAMETOOLONG) }
        fill(&address, short)
        try retryingInterrupts(operation) { invoke(&address, call) }
    }

    private static func fill(_ address: inout sockaddr_un, _ path: String) {
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: path.utf8)
            target[path.utf8.count] = 0
        }
    }

    private static func invoke(_ address: inout sockaddr_un, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32)
        -> Int32
    {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
}
