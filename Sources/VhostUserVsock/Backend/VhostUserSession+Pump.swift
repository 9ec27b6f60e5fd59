import LinuxSystem

/// Moves packets. Each turn does a bounded amount of work, so no guest and no host program keeps the loop from the
/// others or from QEMU.
extension VhostUserSession {
    private static let packetsPerTurn = 128
    /// So many sent packets interrupt the guest at once.
    private static let mostHeldInterrupts = 16
    /// Nanoseconds. A guest needs the interrupt only to free what it sent; a full ring never waits, because the ring is
    /// longer than `mostHeldInterrupts`. Longer than a short command takes: each interrupt in between costs an emulated guest
    /// an interrupt handler and a kernel thread, just when it has a program to start (seen in traces of the guest).
    private static let interruptDelay: UInt64 = 10_000_000

    /// 1,024 packets touch at most some MiB of guest memory, and half a second of them costs few new page faults.
    private static let packetsBeforeRelease = 1024
    private static let releaseDelay: UInt64 = 500_000_000

    /// - Returns: whether there is more to do without waiting.
    func pump() -> Bool {
        let transmit = rings[VhostUserSession.transmitRing]
        let receive = rings[VhostUserSession.receiveRing]
        guard transmit.isRunning, receive.isRunning else {
            // A ring that stops signals by itself.
            heldInterrupts = 0
            interruptDue = .max
            return false
        }
        var hasMore = false
        do throws(RingFault) {
            hasMore = try pumpTransmit(transmit)
        } catch {
            breakRing(VhostUserSession.transmitRing, error)
            return false
        }
        do throws(RingFault) {
            hasMore = try pumpReceive(receive) || hasMore
        } catch {
            breakRing(VhostUserSession.receiveRing, error)
            return false
        }
        interruptTransmit(transmit)
        return hasMore || (transmitIsHeld && !multiplexer.replies.isFull)
    }

    private func pumpTransmit(_ vring: Vring) throws(RingFault) -> Bool {
        let budget = VhostUserSession.packetsPerTurn
        if vring.wantsKicks, try vring.ring.waiting() > 0 { try setKicks(vring, false) }
        let progress = try multiplexer.takeFromGuest(vring.ring, memory: memory, budget: budget)
        let published = vring.ring.publish()
        heldInterrupts += published
        packetsSinceRelease += published
        transmitIsHeld = progress == .starved
        switch progress {
        case .more: return true
        // Until replies leave, which takes receive buffers, whose coming wakes us.
        case .starved: return false
        case .idle: return vring.wantsKicks ? false : try setKicks(vring, true)
        }
    }

    private func pumpReceive(_ vring: Vring) throws(RingFault) -> Bool {
        let budget = VhostUserSession.packetsPerTurn
        let progress = try multiplexer.sendToGuest(vring.ring, memory: memory, budget: budget)
        let published = vring.ring.publish()
        packetsSinceRelease += published
        if published > 0 { vring.ring.signal() }
        switch progress {
        case .more: return true
        case .starved: return vring.wantsKicks ? false : try setKicks(vring, true)
        case .idle:
            if vring.wantsKicks { try setKicks(vring, false) }
            return false
        }
    }

    /// - Returns: whether something came that the guest will not announce.
    @discardableResult
    private func setKicks(_ vring: Vring, _ wanted: Bool) throws(RingFault) -> Bool {
        vring.wantsKicks = wanted
        return try vring.ring.suppressKicks(!wanted)
    }

    private func interruptTransmit(_ vring: Vring) {
        guard heldInterrupts > 0 else { return }
        if heldInterrupts < VhostUserSession.mostHeldInterrupts {
            let now = Deadline.now()
            if interruptDue == .max { interruptDue = now + VhostUserSession.interruptDelay }
            if now < interruptDue { return }
        }
        heldInterrupts = 0
        interruptDue = .max
        vring.ring.signal()
    }

    /// Keeps this process small: see `GuestMemory.releasePages`.
    func releaseMemory() {
        guard packetsSinceRelease >= VhostUserSession.packetsBeforeRelease else { return }
        let now = Deadline.now()
        if releaseDue == .max { releaseDue = now + VhostUserSession.releaseDelay }
        if now < releaseDue { return }
        memory.releasePages()
        packetsSinceRelease = 0
        releaseDue = .max
    }

    /// Stops a ring whose driver broke it, and ends every connection: nothing can be told to the guest any more.
    private func breakRing(_ index: Int, _ fault: RingFault) {
        log.warn("stopped ring \(index) of the guest's: \(fault)")
        rings[index].stop()
        rings[index].isBroken = true
        rings[index].fault?.signal()
        updateServing()
        multiplexer.reset()
    }

    func updateServing() { multiplexer.isServing = rings.allSatisfy(\.isRunning) }
}
