import Glibc
import LinuxSystem

/// What happens on the host's sockets.
extension VsockMultiplexer {
    private static let acceptsPerTurn = 64

    func acceptHostPrograms() {
        for _ in 0..<VsockMultiplexer.acceptsPerTurn {
            do throws(SystemError) {
                guard let descriptor = try listener.accept() else { return }
                try greet(descriptor)
            } catch {
                // Level-triggered, and out of descriptors or memory: without a pause this would spin.
                log.warn("cannot take a host connection: \(error)")
                pauseListener()
                return
            }
        }
    }

    /// A device that is full, or whose guest does not run yet, refuses by closing.
    private func greet(_ descriptor: consuming FileDescriptor) throws(SystemError) {
        guard isServing, let slot = takeSlot() else { return }
        let raw = descriptor.rawValue
        let greeting = PendingGreeting(
            socket: HostSocket(owning: descriptor), deadline: deadline(after: limits.greetingTime))
        slots[slot] = .greeting(greeting)
        do throws(SystemError) {
            try poller.add(raw, token: token(slot), events: [.readable, .peerClosedWriting, .edgeTriggered])
        } catch {
            vacate(slot)
            throw error
        }
        advance(greeting, slot)
    }

    private func pauseListener() {
        try? poller.remove(listener.rawValue)
        listenerResume = deadline(after: 1)
    }

    func resumeListener() {
        listenerResume = .max
        try? poller.add(listener.rawValue, token: EventToken.listener, events: .readable)
    }

    func token(_ slot: Int) -> UInt64 { EventToken.stream(slot: slot, generation: generations[slot]) }

    /// The poller's events for a socket.
    func handle(slot: Int, generation: UInt32, events: Poller.Events) {
        guard slot < slots.count, generations[slot] & EventToken.generationMask == generation else { return }
        switch slots[slot] {
        case .vacant: break
        case .greeting(let greeting): advance(greeting, slot)
        case .stream(let stream): handle(stream, events)
        }
    }

    private func advance(_ greeting: PendingGreeting, _ slot: Int) {
        switch greeting.read(scratch: scratch) {
        case .incomplete: return
        case .malformed: vacate(slot)
        case .port(let port):
            guard isServing, let socket = greeting.takeSocket() else {
                vacate(slot)
                return
            }
            let ports = takeHostPort(guest: port)
            let stream = VsockStream(
                slot: slot, connection: VsockConnection(dialling: ports, bufferSize: reserveBuffer()), socket: socket)
            slots[slot] = .stream(stream)
            streams[ports] = slot
            // What came behind the line raised no event of its own.
            stream.isReadable = true
            arm(stream, after: limits.requestTime)
            wake(stream)
        }
    }

    private func handle(_ stream: VsockStream, _ events: Poller.Events) {
        guard stream.socket != nil else { return }
        if !events.isDisjoint(with: [.readable, .hangUp, .error, .peerClosedWriting]) { stream.isReadable = true }
        if stream.pending.count > 0, !events.isDisjoint(with: [.writable, .hangUp, .error]) { flush(stream) }
        if events.contains(.hangUp) { hangUp(stream) }
        settle(stream)
    }

    /// Both directions are over. Bytes that the host program sent before are read first.
    private func hangUp(_ stream: VsockStream) {
        if stream.connection.phase == .open, stream.connection.wantsHostInput { return }
        if stream.socket == nil { return }
        stream.pending.removeAll()
        stream.connection.hostEnded(.both)
    }

    /// Hands on what the host's socket takes of the bytes that wait.
    func flush(_ stream: VsockStream) {
        while stream.pending.count > 0 {
            guard let outcome = stream.socket?.send(stream.pending.bytes) else { return }
            switch outcome {
            case .moved(let count):
                stream.pending.dropFirst(count)
                stream.connection.didForward(count)
            case .wouldBlock:
                watchRoom(stream, true)
                return
            case .ended: hostStoppedReading(stream)
            }
        }
        watchRoom(stream, false)
        finishGuestShutdown(stream)
    }

    /// The host program closed, or shut down its reading side: what the guest sent is lost, as in TCP.
    func hostStoppedReading(_ stream: VsockStream) {
        stream.connection.didForward(stream.connection.unforwarded)
        stream.pending.removeAll()
        let hungUp = stream.socket?.isHungUp ?? true
        // Bytes that a closed host program sent before are still to be read; the end of file then tells the rest.
        stream.connection.hostEnded(hungUp && !stream.connection.wantsHostInput ? .both : .receive)
    }

    /// Passes the guest's shutdown on, once all it sent before has been.
    func finishGuestShutdown(_ stream: VsockStream) {
        guard stream.pending.count == 0 else { return }
        if stream.connection.guestShutdown.contains(.send) { stream.socket?.end(.send) }
        stream.connection.finishFlush()
    }

    func watchRoom(_ stream: VsockStream, _ enabled: Bool) {
        guard stream.isWatchingRoom != enabled, let raw = stream.socket?.rawValue else { return }
        var events: Poller.Events = [.readable, .peerClosedWriting, .edgeTriggered]
        if enabled { events.insert(.writable) }
        do throws(SystemError) {
            try poller.modify(raw, token: token(stream.slot), events: events)
            stream.isWatchingRoom = enabled
        } catch {
            log.warn("cannot watch a host connection: \(error)")
            stream.connection.abandon()
        }
    }

    /// After anything happened to a stream: closes and vacates what is over, arms what lingers, queues what has work.
    func settle(_ stream: VsockStream) {
        switch stream.connection.phase {
        case .finished:
            // The guest's last bytes may still be on their way to a slow host program.
            if stream.socket == nil || stream.pending.count == 0 { vacate(stream.slot) }
            return
        case .resetting: stream.closeSocket()
        case .lingering:
            if stream.socket != nil { arm(stream, after: limits.lingerTime) }
            stream.closeSocket()
        case .requesting, .open, .flushing: break
        }
        wake(stream)
    }
}
