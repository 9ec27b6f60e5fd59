import LinuxSystem

/// All connections between the guest's two rings and the host's sockets.
///
/// Concurrency: everything here runs on the session's thread. Sockets are watched edge-triggered; a socket's
/// descriptor belongs to its `VsockStream` (or `PendingGreeting`) and closes with it, exactly once. A slot's
/// generation goes up when it is vacated, so an event for its last tenant is recognised and dropped.
final class VsockMultiplexer {
    enum Slot {
        case vacant
        case greeting(PendingGreeting)
        case stream(VsockStream)
    }

    /// How far a pump got.
    enum Progress: Equatable {
        /// Nothing is left to do.
        case idle
        /// The turn's share is used up; more is waiting.
        case more
        /// It waits for the guest: for receive buffers (or, taking packets, for replies to leave).
        case starved
    }

    /// The first host port that connections from the host come from, as in Firecracker: far above what anyone binds.
    static let firstHostPort: UInt32 = 1 << 30

    let guestCID: UInt64
    let limits: DeviceLimits
    let log: DeviceLog
    let poller: Poller
    let listener: HybridSocketListener
    /// Both rings run, so a request would reach the guest.
    var isServing = false

    var slots: [Slot]
    var generations: [UInt32]
    private var vacant: [Int32]
    var streams: [VsockPorts: Int] = [:]
    var ready: SlotQueue
    var replies = StrayReplies()
    /// When `expire` has something to do next; `.max` for never.
    var nextExpiry = UInt64.max
    /// The listener is out of the poller until then; `.max` when it is in.
    var listenerResume = UInt64.max
    private var fullSizeBytes = 0
    private var nextHostPort = VsockMultiplexer.firstHostPort
    let vectors = VectorList()
    let headerVectors = VectorList()
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: VsockHeader.size, alignment: 8)
    var batch = ReceiveBatch()

    init(guestCID: UInt64, limits: DeviceLimits, log: DeviceLog, poller: Poller, listener: HybridSocketListener) {
        self.guestCID = guestCID
        self.limits = limits
        self.log = log
        self.poller = poller
        self.listener = listener
        slots = Array(repeating: .vacant, count: limits.connections)
        generations = Array(repeating: 0, count: limits.connections)
        vacant = (0..<Int32(limits.connections)).reversed()
        ready = SlotQueue(capacity: limits.connections)
    }

    deinit { scratch.deallocate() }

    func takeSlot() -> Int? { vacant.popLast().map(Int.init) }

    /// Empties a slot, closing what is in it.
    func vacate(_ slot: Int) {
        if case .stream(let stream) = slots[slot] {
            forget(stream)
            if stream.connection.bufferSize == limits.bufferSize { fullSizeBytes -= limits.bufferSize }
            stream.closeSocket()
        }
        slots[slot] = .vacant
        generations[slot] &+= 1
        vacant.append(Int32(truncatingIfNeeded: slot))
    }

    /// Frees the connection's name for another.
    func forget(_ stream: VsockStream) {
        if streams[stream.connection.ports] == stream.slot { streams[stream.connection.ports] = nil }
    }

    /// The next connection's `buf_alloc`; small ones once many are open, so that all buffers together stay bounded.
    func reserveBuffer() -> UInt32 {
        guard fullSizeBytes + limits.bufferSize <= limits.fullSizeBudget else { return UInt32(limits.smallBufferSize) }
        fullSizeBytes += limits.bufferSize
        return UInt32(limits.bufferSize)
    }

    /// A host port for a connection to the guest's `port` that no other has.
    func takeHostPort(guest port: UInt32) -> VsockPorts {
        while true {
            let ports = VsockPorts(host: nextHostPort, guest: port)
            nextHostPort = nextHostPort == .max >> 1 ? VsockMultiplexer.firstHostPort : nextHostPort + 1
            if streams[ports] == nil { return ports }
        }
    }

    /// The guest's driver started anew: it knows none of the connections.
    func reset() {
        for slot in slots.indices {
            if case .vacant = slots[slot] { continue }
            vacate(slot)
        }
        replies.removeAll()
    }

    /// Queues the stream if it has something for the guest; watches the clock if it has and may not send it.
    func wake(_ stream: VsockStream) {
        if stream.hasWork {
            ready.push(stream.slot)
        } else if stream.deadline == .max, stream.isStalled {
            arm(stream, after: limits.creditTime)
        }
    }
}
