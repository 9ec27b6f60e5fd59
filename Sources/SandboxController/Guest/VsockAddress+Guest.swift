import VsockTransport

extension VsockAddress {
    /// Where a sandbox's agent is reached.
    /// - Parameter guestCID: the guest's context id where the kernel carries its vsock, else nil.
    static func guest(of name: String, in directory: StateDirectory, guestCID: UInt32?) -> VsockAddress {
        guestCID.map { .vsock(cid: $0) } ?? .hybrid(path: directory.vsockSocket(name))
    }
}
