import CLinux
import Glibc

/// TCP sockets (tcp(7)). All are close-on-exec.
public enum TcpSocket {
    /// Listens at an address of this machine.
    /// - Parameter port: 0 for any that is free; `port(of:)` tells which.
    /// - Throws: `EADDRINUSE`, `EADDRNOTAVAIL` for an address of another machine, `EACCES` for a port below 1024.
    public static func listen(at address: InternetAddress, port: UInt16, backlog: Int32 = 1024) throws(SystemError)
        -> FileDescriptor
    {
        let socket = try make(address)
        let raw = socket.rawValue
        // Connections of an earlier listener that linger in TIME_WAIT are no reason to wait for them; two listeners on one
        // port are still refused (socket(7)).
        try set(raw, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.isIPv6 { try set(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        try retryingInterrupts("listen at \(address) port \(port)") {
            address.withSocketAddress(port: port) { bind(raw, $0, $1) }
        }
        try retryingInterrupts("listen at \(address) port \(port)") { Glibc.listen(raw, backlog) }
        return socket
    }

    /// The local port of a socket.
    public static func port(of socket: Int32) throws(SystemError) -> UInt16 {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        try retryingInterrupts("read a socket's address") {
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
            }
        }
        // At the same place for both families.
        return UInt16(bigEndian: address.sin6_port)
    }

    /// Connects, waiting until the deadline; the socket is non-blocking.
    /// - Throws: `ECONNREFUSED`, `ETIMEDOUT`, …
    public static func connect(to address: InternetAddress, port: UInt16, deadline: Deadline) throws(SystemError)
        -> FileDescriptor
    {
        let socket = try make(address)
        let raw = socket.rawValue
        try socket.setNonBlocking(true)
        if address.withSocketAddress(port: port, { Glibc.connect(raw, $0, $1) }) < 0 {
            guard errno == EINPROGRESS || errno == EINTR else { throw SystemError("connect to port \(port)") }
            try socket.waitUntilReady(POLLOUT, deadline: deadline)
            let code = try socket.pendingError()
            if code != 0 { throw SystemError("connect to port \(port)", code: code) }
        }
        return socket
    }

    /// Small pieces leave at once, and a peer that went without a word is noticed after two minutes.
    ///
    /// That also goes for one that closed both directions: to the other side it looks as if it had closed only its own, until
    /// its kernel has forgotten it (tcp_fin_timeout, a minute) and answers a probe with a reset.
    public static func prepareStream(_ socket: Int32) {
        let tcp = Int32(IPPROTO_TCP)
        for (level, option, value) in [
            (tcp, TCP_NODELAY, 1), (SOL_SOCKET, SO_KEEPALIVE, 1), (tcp, TCP_KEEPIDLE, 75), (tcp, TCP_KEEPINTVL, 15),
            (tcp, TCP_KEEPCNT, 3),
        ] as [(Int32, Int32, Int32)] {
            // Missing, they make a stream slower or its end later.
            try? set(socket, level, option, value)
        }
    }

    /// Closing tells the other side that the stream was cut off (RST), not that it ended.
    public static func resetOnClose(_ socket: Int32) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }

    private static func make(_ address: InternetAddress) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try retryingInterrupts("create a socket") {
                socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
    }

    private static func set(_ socket: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        try retryingInterrupts("set a socket option") {
            setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }
}
