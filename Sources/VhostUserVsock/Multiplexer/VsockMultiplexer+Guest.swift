import LinuxSystem

/// What the guest sends.
extension VsockMultiplexer {
    /// Takes packets from the guest's transmit ring, at most `budget`. Nothing is published.
    func takeFromGuest(_ ring: SplitRing, memory: GuestMemory, budget: Int) throws(RingFault) -> Progress {
        for _ in 0..<budget {
            guard try ring.waiting() > 0 else { return .idle }
            if replies.isFull { return .starved }
            vectors.removeAll()
            let chain = try ring.gather(0, writable: false, memory: memory, into: vectors)
            if chain.bytes >= VsockHeader.size {
                // Copied before anything is checked: the guest may change it meanwhile.
                vectors.copyOut(to: scratch, count: VsockHeader.size)
                vectors.dropFirst(VsockHeader.size)
                take(VsockHeader(copying: scratch), bytes: chain.bytes - VsockHeader.size)
            } else {
                log.warn("dropped a packet of the guest's with less than a header")
            }
            ring.complete(chain.head, written: 0)
        }
        return .more
    }

    /// One packet, with `bytes` of payload in `vectors`.
    private func take(_ header: VsockHeader, bytes: Int) {
        guard header.sourceCID == guestCID, header.destinationCID == VsockHeader.hostCID else {
            log.warn("dropped a packet of the guest's from CID \(header.sourceCID) to CID \(header.destinationCID)")
            return
        }
        guard let slot = streams[header.portsFromGuest], case .stream(let stream) = slots[slot] else {
            return takeUnknown(header)
        }
        if header.operation == VsockOperation.request.rawValue, stream.connection.phase == .lingering {
            // The guest has forgotten the old connection of these ports.
            vacate(slot)
            return takeUnknown(header)
        }
        // A packet that promises more bytes than it brings is as bad as one of an unknown kind.
        let lies = Int(header.length) > bytes
        let reaction = lies ? stream.connection.refuse() : stream.connection.receive(header)
        react(reaction, stream)
        settle(stream)
    }

    private func react(_ reaction: VsockConnection.Reaction, _ stream: VsockStream) {
        switch reaction {
        case .none: break
        case .payload(let count): deliver(count, stream)
        case .opened: confirm(stream)
        case .shutdown:
            if stream.connection.guestShutdown.contains(.receive) { stream.socket?.end(.receive) }
            finishGuestShutdown(stream)
        case .reset: forget(stream)
        case .violation:
            let ports = stream.connection.ports
            log.warn("reset the connection host \(ports.host), guest \(ports.guest): the guest broke the protocol")
        }
    }

    /// Tells the host program that it is through.
    private func confirm(_ stream: VsockStream) {
        stream.deadline = .max
        stream.isReadable = true
        var answer = "OK \(stream.connection.ports.host)\n"
        let outcome = answer.withUTF8 { stream.socket?.send(UnsafeRawBufferPointer($0)) }
        // A fresh socket has room for a line; without room, or without a reader, there is nobody to talk to.
        if outcome != .moved(answer.utf8.count) { stream.connection.abandon() }
    }

    /// Writes payload to the host straight from guest memory; what does not fit waits in `pending`.
    private func deliver(_ count: Int, _ stream: VsockStream) {
        vectors.truncate(count)
        var left = count
        if stream.pending.count == 0 {
            switch stream.socket?.send(vectors) {
            case .moved(let moved):
                stream.connection.didForward(moved)
                vectors.dropFirst(moved)
                left -= moved
            case .wouldBlock: break
            case .ended, nil: return hostStoppedReading(stream)
            }
        }
        if left == 0 { return }
        guard stream.pending.append(vectors, length: left) else {
            log.warn("out of memory: reset a connection")
            return stream.connection.abandon()
        }
        watchRoom(stream, true)
    }

    /// A packet that belongs to no connection: a request is tried, everything else answered with a reset.
    private func takeUnknown(_ header: VsockHeader) {
        if header.operation == VsockOperation.reset.rawValue { return }
        if header.operation == VsockOperation.request.rawValue, header.type == VsockHeader.streamType,
            dial(header)
        {
            return
        }
        var reply = VsockHeader(toGuest: guestCID, ports: header.portsFromGuest, operation: .reset)
        reply.type = header.type
        replies.append(reply)
    }

    /// Connects the guest to the host program that listens for the port.
    private func dial(_ header: VsockHeader) -> Bool {
        guard let slot = takeSlot() else { return false }
        do throws(SystemError) {
            let descriptor = try listener.dial(port: header.destinationPort)
            try poller.add(
                descriptor.rawValue, token: token(slot), events: [.readable, .peerClosedWriting, .edgeTriggered])
            let stream = VsockStream(
                slot: slot, connection: VsockConnection(accepting: header, bufferSize: reserveBuffer()),
                socket: HostSocket(owning: descriptor))
            slots[slot] = .stream(stream)
            streams[stream.connection.ports] = slot
            wake(stream)
            return true
        } catch {
            vacate(slot)
            return false
        }
    }
}
