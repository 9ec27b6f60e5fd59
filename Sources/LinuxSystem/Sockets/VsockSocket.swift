import CLinux
import Glibc

/// AF_VSOCK stream sockets (vsock(7)). All are close-on-exec.
public enum VsockSocket {
    /// Any context id, for `bind`.
    public static let anyCID = UInt32.max

    /// A new, unconnected socket. A failed connect leaves a vsock socket unusable, so each attempt takes its own.
    /// - Throws: `EAFNOSUPPORT` when the kernel has no vsock.
    public static func make() throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try retryingInterrupts("create a vsock socket") {
                socket(AF_VSOCK, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
    }

    /// Raises the bytes a peer may send ahead. The maximum comes first: the kernel clamps the size to it
    /// (`vsock_update_buffer_size`).
    public static func setBufferSize(_ socket: Int32, bytes: UInt64) throws(SystemError) {
        for option in [SO_VM_SOCKETS_BUFFER_MAX_SIZE, SO_VM_SOCKETS_BUFFER_SIZE] {
            var value = bytes
            try retryingInterrupts("set a vsock buffer size") {
                setsockopt(socket, AF_VSOCK, option, &value, socklen_t(MemoryLayout<UInt64>.size))
            }
        }
    }

    /// Connects, waiting until the deadline.
    /// - Throws: `ECONNRESET` when nobody listens on the port, `ENODEV` or `ENETUNREACH` without a device,
    ///   `ETIMEDOUT`.
    public static func connect(cid: UInt32, port: UInt32, bufferBytes: UInt64, deadline: Deadline) throws(SystemError)
        -> FileDescriptor
    {
        let socket = try make()
        let raw = socket.rawValue
        try setBufferSize(raw, bytes: bufferBytes)
        // The kernel gives up after 2 s by itself (VSOCK_DEFAULT_CONNECT_TIMEOUT), whatever poll waits for.
        let wait = min(deadline.pollTimeout, 3_600_000)
        let milliseconds = wait < 0 ? 3_600_000 : max(1, Int(wait))
        var limit = timeval(tv_sec: milliseconds / 1000, tv_usec: (milliseconds % 1000) * 1000)
        try retryingInterrupts("set a vsock time limit") {
            setsockopt(raw, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        try socket.setNonBlocking(true)
        if ks_connect_vsock(raw, cid, port) < 0 {
            guard errno == EINPROGRESS || errno == EINTR else { throw SystemError("connect to vsock port \(port)") }
            try socket.waitUntilReady(POLLOUT, deadline: deadline)
            let code = try socket.pendingError()
            if code != 0 { throw SystemError("connect to vsock port \(port)", code: code) }
        }
        try socket.setNonBlocking(false)
        return socket
    }

    /// Listens on `port` for every context id.
    /// - Throws: `EADDRINUSE`, or `EACCES` for a port below 1024 without CAP_NET_BIND_SERVICE.
    public static func listen(port: UInt32, bufferBytes: UInt64, backlog: Int32 = 4096) throws(SystemError)
        -> FileDescriptor
    {
        let socket = try make()
        let raw = socket.rawValue
        // Accepted sockets inherit the listener's sizes (__vsock_create with a parent).
        try setBufferSize(raw, bytes: bufferBytes)
        try retryingInterrupts("bind vsock port \(port)") { ks_bind_vsock(raw, anyCID, port) }
        try retryingInterrupts("listen on vsock port \(port)") { Glibc.listen(raw, backlog) }
        return socket
    }

    /// - Parameter peerCID: set to the visitor's context id.
    /// - Returns: nil when nobody waits on a non-blocking listener or the visitor left.
    public static func accept(_ listener: Int32, peerCID: inout UInt32) throws(SystemError) -> FileDescriptor? {
        var port: UInt32 = 0
        while true {
            let raw = ks_accept_vsock(listener, &peerCID, &port)
            if raw >= 0 { return FileDescriptor(owning: raw) }
            switch errno {
            case EINTR: continue
            case EAGAIN, ECONNABORTED: return nil
            default: throw SystemError("accept a vsock connection")
            }
        }
    }
}
