/// One vsock connection as the host side of it sees it: what has been agreed, and what is owed to the guest.
///
/// Pure: no descriptors, no clock, no memory but its own. Its owner tells it what came from the guest
/// (`receive`) and what became of the host's socket (`forwarded`, `hostEnded`…), and asks it what to send
/// next (`takeControl`, `payloadHeader`). Packets that are owed are flags, not a queue, so a guest that takes
/// nothing costs a fixed number of bytes however much it sends.
struct VsockConnection: Sendable {
    enum Phase: Equatable, Sendable {
        /// The host dials; the guest has not answered yet.
        case requesting
        /// Bytes flow, in one direction at least.
        case open
        /// The guest closed; it waits for a reset, which it gets once its last bytes are with the host.
        case flushing
        /// The host closed; the guest owes us a reset.
        case lingering
        /// A reset is owed to the guest; nothing else matters any more.
        case resetting
        /// Neither side remembers it.
        case finished
    }

    /// Control packets that the guest has yet to get.
    struct Owed: OptionSet, Sendable {
        let rawValue: UInt8
        static let request = Owed(rawValue: 1)
        static let response = Owed(rawValue: 2)
        static let reset = Owed(rawValue: 4)
        static let shutdown = Owed(rawValue: 8)
        static let creditUpdate = Owed(rawValue: 16)
        static let creditRequest = Owed(rawValue: 32)
    }

    /// Bytes that may follow a request before the guest has answered it, so that a conversation which the host begins costs
    /// one round trip, not two. The guest has not said yet that it has room for them: Linux gives every connection at least
    /// this much unless its listener asked for less (`buffer_size`, 256 KiB by default), and makes the connection before it
    /// answers (`virtio_transport_recv_listen`). What does not fit it drops, which its answer then tells.
    static let mostAhead: UInt32 = 4096

    let ports: VsockPorts
    /// Our `buf_alloc`: how many of the guest's bytes the owner is ready to hold.
    let bufferSize: UInt32
    var phase: Phase
    var owed: Owed
    /// What the guest has said it will do no more.
    var guestShutdown: VsockShutdown = []
    /// What the host's socket will do no more.
    var hostShutdown: VsockShutdown = []
    /// Guest → host, modulo 2³²: taken from the guest, handed on to the host, and last told to the guest.
    var received: UInt32 = 0
    var forwarded: UInt32 = 0
    var announced: UInt32 = 0
    /// Host → guest, modulo 2³²: sent to the guest, and what the guest last said about its side.
    var sent: UInt32 = 0
    var guestBufferSize: UInt32 = 0
    var guestForwarded: UInt32 = 0

    /// The host dials the guest.
    init(dialling ports: VsockPorts, bufferSize: UInt32) {
        self.ports = ports
        self.bufferSize = bufferSize
        phase = .requesting
        owed = .request
        guestBufferSize = VsockConnection.mostAhead
    }

    /// The guest dialled (`request`), and somebody on the host took it.
    init(accepting request: VsockHeader, bufferSize: UInt32) {
        ports = request.portsFromGuest
        self.bufferSize = bufferSize
        phase = .open
        owed = .response
        guestBufferSize = request.bufferSize
        guestForwarded = request.forwarded
    }

    /// How many bytes the guest is ready to take now. A guest that takes back what it promised, or claims to have
    /// consumed more than it got, stops its own stream and nothing else.
    var credit: Int {
        let outstanding = sent &- guestForwarded
        return outstanding >= guestBufferSize ? 0 : Int(guestBufferSize - outstanding)
    }

    /// Whether bytes from the host's socket have somewhere to go, credit aside.
    var wantsHostInput: Bool {
        switch phase {
        case .requesting: !owed.contains(.request)
        case .open: !hostShutdown.contains(.send) && !guestShutdown.contains(.receive)
        default: false
        }
    }

    /// Bytes that came from the guest and are not yet with the host.
    var unforwarded: Int { Int(received &- forwarded) }
}
