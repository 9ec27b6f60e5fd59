extension VsockConnection {
    /// `count` bytes of the guest's are with the host (or given up on), so the guest may send as many again.
    mutating func didForward(_ count: Int) {
        forwarded &+= UInt32(truncatingIfNeeded: count)
        if phase == .open, !guestShutdown.contains(.send), forwarded &- announced >= updateThreshold {
            owed.insert(.creditUpdate)
        }
    }

    /// At half the window: a guest that keeps a full window in flight never stalls, and a small exchange costs no
    /// packet of its own, because every packet carries the count. The window is the smaller of the two buffers: newer
    /// Linux guests never have more in flight than their own receive buffer holds (measured with Debian's 6.1.192:
    /// against a `buf_alloc` of 1 MiB it stops after 256 KiB, and would wait for ever for an update due at 512).
    private var updateThreshold: UInt32 { max(1, min(bufferSize, guestBufferSize) / 2) }

    /// The host's socket stopped sending (its end of file was read), receiving, or both.
    mutating func hostEnded(_ directions: VsockShutdown) {
        switch phase {
        case .requesting: abandon()
        case .open:
            if hostShutdown.isSuperset(of: directions) { return }
            hostShutdown.formUnion(directions)
            owed.insert(.shutdown)
            owed.remove(.creditUpdate)
            if hostShutdown == .both { phase = .lingering }
        case .flushing: if directions.contains(.receive) { reset() }
        case .lingering, .resetting, .finished: break
        }
    }

    /// The guest closed and all it sent is with the host.
    mutating func finishFlush() {
        if phase == .flushing { reset() }
    }

    /// Forgets the connection: the guest gets a reset, unless it never heard of it.
    mutating func abandon() {
        if phase == .requesting, owed.contains(.request) {
            owed = []
            phase = .finished
        } else if phase != .finished {
            reset()
        }
    }

    /// The guest has had no credit to offer for a while, although bytes wait: ask.
    mutating func askForCredit() {
        if wantsHostInput, credit == 0 { owed.insert(.creditRequest) }
    }

    mutating func reset() {
        owed = .reset
        phase = .resetting
    }
}
