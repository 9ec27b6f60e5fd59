import Glibc
import LinuxSystem

/// Dials a peer's vsock port over whichever carrier leads there.
public enum VsockTransport {
    /// Bytes a peer may send ahead over AF_VSOCK. The kernel's own 256 KiB let a stream stall for each credit update.
    public static let bufferBytes: UInt64 = 1024 * 1024

    /// Connects once; each call takes a fresh socket, which is blocking and close-on-exec.
    /// - Throws: `deviceGone` when the carrier is not there, `nobodyListens` when it is and the port is not served,
    ///   `timedOut` at the deadline.
    public static func dial(
        _ address: VsockAddress, port: UInt32, deadline: Deadline
    ) throws(TransportError) -> FileDescriptor {
        switch address {
        case .vsock(let cid): try dialVsock(cid: cid, port: port, deadline: deadline)
        case .hybrid(let path): try HybridHandshake.dial(path, port: port, deadline: deadline)
        case .unix(let path): try dialUnix(VsockAddress.portPath(path, port), deadline: deadline)
        }
    }

    /// As `dial`, but over the hybrid socket only the device is reached: the first bytes, behind `opening`, take the question
    /// for the port with them and reach the guest together with it, so a conversation that the dialling side begins costs one
    /// round trip, not two. `confirm` must follow before anything is read; `nobodyListens` and `timedOut` may come from there.
    public static func dialAhead(
        _ address: VsockAddress, port: UInt32, deadline: Deadline
    ) throws(TransportError) -> FileDescriptor {
        guard case .hybrid(let path) = address else { return try dial(address, port: port, deadline: deadline) }
        return try HybridHandshake.connect(path, deadline: deadline)
    }

    /// What must go before the first bytes on a connection made by `dialAhead`, in one write with them.
    public static func opening(_ address: VsockAddress, port: UInt32) -> [UInt8] {
        guard case .hybrid = address else { return [] }
        return HybridHandshake.request(port: port)
    }

    /// Waits until a connection made by `dialAhead` is there.
    public static func confirm(
        _ connection: borrowing FileDescriptor, _ address: VsockAddress, port: UInt32, deadline: Deadline
    ) throws(TransportError) {
        guard case .hybrid = address else { return }
        try HybridHandshake.takeAnswer(port: port, from: connection, deadline: deadline)
    }

    /// Two connected sockets that stand for a connection in tests.
    public static func pair() throws(TransportError) -> DescriptorPair {
        do throws(SystemError) { return try UnixSocket.pair() } catch {
            throw TransportError(.system, "No socket pair could be made", error)
        }
    }

    private static func dialVsock(cid: UInt32, port: UInt32, deadline: Deadline) throws(TransportError)
        -> FileDescriptor
    {
        do throws(SystemError) {
            return try VsockSocket.connect(cid: cid, port: port, bufferBytes: bufferBytes, deadline: deadline)
        } catch {
            switch error.code {
            case ECONNRESET, ECONNREFUSED:
                throw TransportError(.nobodyListens, "Nobody listens on vsock port \(port) of context \(cid)", error)
            case ETIMEDOUT:
                throw TransportError(.timedOut, "vsock context \(cid) did not answer in time on port \(port)", error)
            case ENODEV, ENETUNREACH, EHOSTUNREACH, EAFNOSUPPORT, EADDRNOTAVAIL:
                throw TransportError(.deviceGone, "vsock context \(cid) can't be reached", error)
            default: throw TransportError(.system, "vsock port \(port) of context \(cid) can't be dialled", error)
            }
        }
    }

    private static func dialUnix(_ path: String, deadline: Deadline) throws(TransportError) -> FileDescriptor {
        do throws(SystemError) { return try UnixSocket.connect(to: path, deadline: deadline) } catch {
            switch error.code {
            case ENOENT, ECONNREFUSED: throw TransportError(.nobodyListens, "Nobody listens at \(path)", error)
            case ETIMEDOUT: throw TransportError(.timedOut, "\(path) did not answer in time", error)
            default: throw TransportError(.system, "\(path) can't be dialled", error)
            }
        }
    }
}
