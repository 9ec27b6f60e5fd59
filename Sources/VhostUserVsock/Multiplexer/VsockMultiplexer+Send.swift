import LinuxSystem

/// What the guest is sent.
extension VsockMultiplexer {
    /// Fills the guest's receive buffers, at most about `budget` of them, a turn each for the streams that have
    /// something. Nothing is published.
    func sendToGuest(_ ring: SplitRing, memory: GuestMemory, budget: Int) throws(RingFault) -> Progress {
        var left = budget
        while left > 0 {
            if replies.count == 0, ready.count == 0 { return .idle }
            guard try ring.waiting() > 0 else { return .starved }
            if let header = replies.first {
                try place(header, ring, memory)
                replies.removeFirst()
                left -= 1
                continue
            }
            guard let slot = ready.pop() else { return .idle }
            guard case .stream(let stream) = slots[slot] else { continue }
            if let header = stream.connection.takeControl(guestCID: guestCID) {
                try place(header, ring, memory)
                left -= 1
            } else if stream.hasWork {
                left -= try fill(from: stream, ring, memory)
            } else {
                continue
            }
            settle(stream)
        }
        return replies.count > 0 || ready.count > 0 ? .more : .idle
    }

    /// Puts a packet without payload into the next buffer.
    private func place(_ header: VsockHeader, _ ring: SplitRing, _ memory: GuestMemory) throws(RingFault) {
        vectors.removeAll()
        let chain = try ring.gather(0, writable: true, memory: memory, into: vectors)
        guard chain.bytes >= VsockHeader.size else { throw .bufferTooSmall }
        header.store(to: scratch)
        vectors.copyIn(from: scratch, count: VsockHeader.size)
        ring.complete(chain.head, written: VsockHeader.size)
    }

    /// Reads from the host's socket straight into as many buffers as the guest's credit and the batch allow.
    /// - Returns: what it counts for in the turn's budget, at least 1.
    private func fill(from stream: VsockStream, _ ring: SplitRing, _ memory: GuestMemory) throws(RingFault) -> Int {
        try gatherBatch(ring, memory, limit: stream.connection.credit)
        guard let outcome = stream.socket?.receive(into: vectors) else { return 1 }
        switch outcome {
        case .wouldBlock: stream.isReadable = false
        // An end behind bytes that went ahead is found again once the guest has answered (`confirm`).
        case .ended where stream.connection.phase == .requesting: stream.isReadable = false
        case .ended:
            stream.isReadable = false
            stream.connection.hostEnded(stream.socket?.isHungUp ?? true ? .both : .send)
        case .moved(let count): return try finishBatch(count, stream, ring, memory)
        }
        return 1
    }

    private func gatherBatch(_ ring: SplitRing, _ memory: GuestMemory, limit: Int) throws(RingFault) {
        vectors.removeAll()
        batch.removeAll()
        let waiting = min(ReceiveBatch.capacity, try ring.waiting(atLeast: ReceiveBatch.capacity))
        while batch.count < waiting, batch.total < limit {
            let mark = vectors.count
            let chain: (head: UInt16, bytes: Int)
            do throws(RingFault) {
                chain = try ring.gather(batch.count, writable: true, memory: memory, into: vectors)
            } catch {
                // After good chains a bad one can wait for its turn; it may only be that the vectors are full.
                guard batch.count > 0 else { throw error }
                vectors.shrink(toCount: mark)
                return
            }
            guard chain.bytes > VsockHeader.size else { throw .bufferTooSmall }
            let header = vectors.carve(VsockHeader.size, from: mark)
            let capacity = min(chain.bytes - VsockHeader.size, VsockHeader.mostPayload, limit - batch.total)
            vectors.truncate(capacity, from: mark)
            batch.append(.init(head: chain.head, capacity: capacity, header: header))
        }
    }

    /// Writes the headers for `count` bytes that are in the batch's buffers, and hands those buffers back.
    private func finishBatch(
        _ count: Int, _ stream: VsockStream, _ ring: SplitRing, _ memory: GuestMemory
    ) throws(RingFault) -> Int {
        var left = count
        var index = 0
        while left > 0, index < batch.count {
            let entry = batch[index]
            let length = min(left, entry.capacity)
            let header = stream.connection.payloadHeader(length, guestCID: guestCID)
            if let target = entry.header {
                header.store(to: target)
            } else {
                try storeScattered(header, ring, memory)
            }
            ring.complete(entry.head, written: VsockHeader.size + length)
            left -= length
            index += 1
        }
        return index
    }

    /// The header of the next chain, whose first descriptors are shorter than it.
    private func storeScattered(_ header: VsockHeader, _ ring: SplitRing, _ memory: GuestMemory) throws(RingFault) {
        headerVectors.removeAll()
        _ = try ring.gather(0, writable: true, memory: memory, into: headerVectors)
        header.store(to: scratch)
        headerVectors.copyIn(from: scratch, count: VsockHeader.size)
    }
}
