/// What a packet asks for (virtio 1.2, 5.10.6 `op`).
enum VsockOperation: UInt16, Sendable {
    case request = 1
    case response = 2
    case reset = 3
    case shutdown = 4
    case payload = 5
    case creditUpdate = 6
    case creditRequest = 7
}

/// Directions that a side will use no more (virtio 1.2, 5.10.6.6): the `flags` of a shutdown packet.
struct VsockShutdown: OptionSet, Sendable {
    let rawValue: UInt32
    /// The sender of the packet will receive no more.
    static let receive = VsockShutdown(rawValue: 1)
    /// The sender of the packet will send no more.
    static let send = VsockShutdown(rawValue: 2)
    static let both: VsockShutdown = [.receive, .send]
}

/// One connection's name: there is one guest and one host, so the two ports say it all.
struct VsockPorts: Hashable, Sendable {
    var host: UInt32
    var guest: UInt32
}
