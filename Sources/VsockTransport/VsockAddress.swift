/// Where a peer's vsock ports are reached.
public enum VsockAddress: Equatable, Sendable {
    /// The kernel's AF_VSOCK: the context id of the peer (vsock(7)).
    case vsock(cid: UInt32)
    /// The hybrid UNIX socket of Firecracker and cloud-hypervisor: dialling sends `CONNECT <port>\n` to this path;
    /// the guest's connections arrive on `<path>_<port>`.
    case hybrid(path: String)
    /// One UNIX socket for each port: `<path>_<port>` in both directions.
    case unix(path: String)

    /// The socket file of `port` where this address has one for each port.
    static func portPath(_ path: String, _ port: UInt32) -> String { "\(path)_\(port)" }
}
