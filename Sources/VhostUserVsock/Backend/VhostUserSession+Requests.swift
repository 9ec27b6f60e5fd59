import Glibc
import LinuxSystem

/// What QEMU asks for.
extension VhostUserSession {
    /// - Throws: when the message makes no sense or the connection fails; the session is over then.
    func handle(_ message: consuming VhostUserMessage) throws(SystemError) {
        let number = message.request
        let needsReply = message.needsReply
        guard let request = VhostUserRequest(rawValue: number) else {
            log.warn("QEMU sent vhost-user request \(number), which this device does not know")
            if needsReply { try channel.reply(to: number, number: 1) }
            return
        }
        switch request {
        case .getFeatures: return try channel.reply(to: number, number: VhostUserFeatures.device)
        case .getProtocolFeatures: return try channel.reply(to: number, number: VhostUserFeatures.backEnd)
        case .getQueueCount: return try channel.reply(to: number, number: UInt64(rings.count))
        case .getConfiguration: return try sendConfiguration(message)
        case .getRingBase: return try stopRing(message)
        case .setFeatures: acknowledged = try message.field(0, UInt64.self)
        case .setProtocolFeatures, .setOwner, .setConfiguration: break
        case .resetOwner: stopRings()
        case .setMemoryTable: try setMemory(&message)
        case .setRingSize, .setRingBase, .setRingAddresses, .setRingEnabled: try setRing(request, message)
        case .setRingKick, .setRingCall, .setRingError: try setRingDescriptor(request, &message)
        }
        if needsReply { try channel.reply(to: number, number: 0) }
    }

    /// Eight bytes: the guest's CID (virtio 1.2, 5.10.4).
    private func sendConfiguration(_ message: borrowing VhostUserMessage) throws(SystemError) {
        let offset = try message.field(0, UInt32.self)
        let size = try message.field(4, UInt32.self)
        let space = withUnsafeBytes(of: guestCID.littleEndian) { Array($0) }
        // An empty answer is the protocol's error.
        guard offset <= 8, size <= 8 - offset else { return try channel.reply(to: message.request, []) }
        let header = Array(message.payload[..<12])
        try channel.reply(to: message.request, header + space[Int(offset)..<Int(offset + size)])
    }

    private func setMemory(_ message: inout VhostUserMessage) throws(SystemError) {
        let count = Int(try message.field(0, UInt32.self))
        guard count <= GuestMemory.mostRegions, count == message.descriptors.count else { throw bad }
        let table = GuestMemory()
        for index in 0..<count {
            let entry = 8 + 32 * index
            guard let file = message.descriptors.take() else { throw bad }
            let region = try MemoryRegion(
                guestAddress: message.field(entry, UInt64.self),
                frontEndAddress: message.field(entry + 16, UInt64.self),
                size: message.field(entry + 8, UInt64.self), offset: message.field(entry + 24, UInt64.self), file: file)
            guard table.add(region) else { throw bad }
        }
        for vring in rings { vring.stop() }
        memory = table
        try startRings()
    }

    private func setRing(_ request: VhostUserRequest, _ message: borrowing VhostUserMessage) throws(SystemError) {
        let vring = try ring(message.field(0, UInt32.self))
        switch request {
        case .setRingSize:
            let size = try message.field(4, UInt32.self)
            guard size > 0, size <= SplitRing.mostEntries, size & (size - 1) == 0, !vring.isRunning else { throw bad }
            vring.size = UInt16(size)
        case .setRingBase:
            guard let base = UInt16(exactly: try message.field(4, UInt32.self)), !vring.isRunning else { throw bad }
            // A guest that goes on after a pause starts where it stopped; one that starts anew starts at 0 and knows
            // none of the connections. (Both at 0 only if nothing was ever exchanged.)
            if base != vring.base { multiplexer.reset() }
            vring.base = base
        case .setRingAddresses:
            vring.stop()
            vring.addresses = .init(
                descriptors: try message.field(8, UInt64.self), used: try message.field(16, UInt64.self),
                available: try message.field(24, UInt64.self))
            vring.isBroken = false
            try startRings()
        default:
            vring.isEnabled = try message.field(4, UInt32.self) != 0
            if !vring.isEnabled { vring.stop() }
            try startRings()
        }
    }

    private func setRingDescriptor(
        _ request: VhostUserRequest, _ message: inout VhostUserMessage
    ) throws(SystemError) {
        let value = try message.field(0, UInt64.self)
        let index = UInt32(value & 0xff)
        let vring = try ring(index)
        // Bit 8: there is no descriptor.
        let event = value & 0x100 == 0 ? message.descriptors.take() : nil
        switch request {
        case .setRingCall:
            vring.ring.interrupt = adopt(event)
            // What was signalled to the old descriptor while QEMU changed it may be lost; libvhost-user does the same.
            vring.ring.signal()
        case .setRingError: vring.fault = adopt(event)
        default:
            // Without one the device would have to poll the ring; no front end of ours asks for that.
            guard let event else { throw bad }
            vring.stop()
            dropKick(vring)
            try poller.add(event.rawValue, token: EventToken.kick(Int(index)), events: [.readable, .edgeTriggered])
            vring.kick = consume event
            vring.isBroken = false
            // Without protocol features there is no SET_VRING_ENABLE: the kick descriptor says it all.
            if acknowledged & VhostUserFeatures.protocolFeatures == 0 { vring.isEnabled = true }
            try startRings()
        }
    }

    private func adopt(_ event: consuming FileDescriptor?) -> EventDescriptor? {
        guard let event else { return nil }
        return EventDescriptor(owning: event)
    }

    /// QEMU has its own copy of the descriptor, so closing ours would not take it out of the poller.
    private func dropKick(_ vring: Vring) {
        if let raw = vring.kick?.rawValue { try? poller.remove(raw) }
        vring.kick = nil
    }

    private func stopRing(_ message: borrowing VhostUserMessage) throws(SystemError) {
        let index = try message.field(0, UInt32.self)
        let vring = try ring(index)
        vring.stop()
        dropKick(vring)
        updateServing()
        try channel.reply(to: message.request, number: UInt64(index) | UInt64(vring.base) << 32)
    }

    private func stopRings() {
        for vring in rings {
            vring.stop()
            dropKick(vring)
            vring.isEnabled = false
        }
        updateServing()
        multiplexer.reset()
    }

    /// Starts what can start; the loop then looks at the rings at once, because kicks may have come before.
    private func startRings() throws(SystemError) {
        for vring in rings where !vring.start(memory: memory) { throw bad }
        updateServing()
    }

    private func ring(_ index: UInt32) throws(SystemError) -> Vring {
        guard index < UInt32(rings.count) else { throw bad }
        return rings[Int(index)]
    }

    private var bad: SystemError { SystemError("handle a vhost-user message", code: EBADMSG) }
}
