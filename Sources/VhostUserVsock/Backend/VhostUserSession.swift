import Glibc
import LinuxSystem

/// Serves one QEMU: its messages, the two rings, and the sockets behind them, in one loop.
///
/// Concurrency: one thread makes it and runs `run`; nothing is shared. Kick descriptors are watched edge-triggered
/// and never read: each write to an eventfd is an edge. They are closed when QEMU replaces them or stops the ring,
/// guest memory is unmapped after the rings that point into it have stopped, and everything else goes with the session.
final class VhostUserSession {
    /// Queue 0 takes what the host sends, queue 1 brings what the guest sends. The event queue stays with QEMU.
    static let receiveRing = 0
    static let transmitRing = 1

    let channel: VhostUserChannel
    let guestCID: UInt64
    let log: DeviceLog
    let poller: Poller
    let multiplexer: VsockMultiplexer
    let rings = [Vring(), Vring()]
    var memory = GuestMemory()
    var acknowledged: UInt64 = 0
    /// Interrupts for packets that the guest has sent are held back until then; `.max` for none.
    var interruptDue = UInt64.max
    var heldInterrupts = 0
    /// Packets since guest memory was last let go of, and when that is due again; `.max` for never.
    var packetsSinceRelease = 0
    var releaseDue = UInt64.max
    /// The guest's packets wait for room among the replies to it.
    var transmitIsHeld = false
    private let stop: SignalDescriptor?
    private let events = EventBatch(capacity: 256)

    init(
        channel: VhostUserChannel, guestCID: UInt64, limits: DeviceLimits, listener: HybridSocketListener,
        stop: SignalDescriptor?
    ) throws(SystemError) {
        self.channel = channel
        self.guestCID = guestCID
        self.stop = stop
        log = DeviceLog()
        poller = try Poller()
        multiplexer = VsockMultiplexer(
            guestCID: guestCID, limits: limits, log: log, poller: poller, listener: listener)
        try poller.add(channel.rawValue, token: EventToken.backEnd, events: .readable)
        try poller.add(listener.rawValue, token: EventToken.listener, events: .readable)
        if let stop { try poller.add(stop.rawValue, token: EventToken.stop, events: .readable) }
    }

    /// Serves until QEMU closes the connection or a stop signal comes.
    func run() throws(SystemError) {
        var hasMore = false
        while true {
            let due = min(multiplexer.nextExpiry, interruptDue, releaseDue)
            let count = try events.wait(on: poller, deadline: Deadline(nanoseconds: hasMore ? 0 : due))
            for index in 0..<count {
                let token = events.token(index)
                if let (slot, generation) = EventToken.stream(token) {
                    multiplexer.handle(slot: slot, generation: generation, events: events.events(index))
                    continue
                }
                switch token {
                case EventToken.backEnd: if try !receiveMessages() { return }
                case EventToken.listener: multiplexer.acceptHostPrograms()
                case EventToken.stop: return
                default: break  // A kick: the rings are looked at in any case.
                }
            }
            // Before the pump: what came of a deadline may be owed to the guest.
            multiplexer.expire()
            hasMore = pump()
            releaseMemory()
        }
    }

    /// - Returns: false when QEMU has closed the connection.
    private func receiveMessages() throws(SystemError) -> Bool {
        while true {
            switch try channel.receive() {
            case .incomplete: return true
            case .closed: return false
            case .message(let message): try handle(message)
            }
        }
    }
}
