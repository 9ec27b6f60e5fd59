extension VsockConnection {
    /// What the owner is to do about a packet. Whatever it says, `owed` and `credit` may have changed.
    enum Reaction: Equatable, Sendable {
        case none
        /// The guest accepted: tell the host.
        case opened
        /// Hand this many bytes on, and call `didForward` for them as they go.
        case payload(Int)
        /// The guest stops sending, receiving or both: see `guestShutdown`, and `finishFlush`.
        case shutdown
        /// The guest forgot the connection. What it sent before may still be handed on.
        case reset
        /// The guest broke the rules: close the host's socket. A reset is owed.
        case violation
    }

    /// Takes one packet that names this connection.
    mutating func receive(_ header: VsockHeader) -> Reaction {
        guard header.type == VsockHeader.streamType, let operation = VsockOperation(rawValue: header.operation) else {
            return abort()
        }
        if operation == .reset {
            phase = .finished
            owed = []
            return .reset
        }
        guestBufferSize = header.bufferSize
        guestForwarded = header.forwarded
        switch phase {
        case .requesting: return receiveRequesting(operation)
        case .open, .flushing: return receiveOpen(operation, header)
        case .lingering: return receiveLingering(operation, header)
        case .resetting, .finished: return .none
        }
    }

    private mutating func receiveRequesting(_ operation: VsockOperation) -> Reaction {
        // An answer to a request that has not been sent yet is a guess.
        guard operation == .response, !owed.contains(.request) else { return abort() }
        guard sent <= guestBufferSize else {
            // What went ahead is lost.
            reset()
            return .none
        }
        phase = .open
        return .opened
    }

    private mutating func receiveOpen(_ operation: VsockOperation, _ header: VsockHeader) -> Reaction {
        switch operation {
        case .payload: return receivePayload(header.length)
        case .creditUpdate: return .none
        case .creditRequest:
            owed.insert(.creditUpdate)
            return .none
        case .shutdown:
            guestShutdown.formUnion(VsockShutdown(rawValue: header.flags).intersection(.both))
            if guestShutdown == .both { phase = .flushing }
            return .shutdown
        case .request, .response, .reset: return abort()
        }
    }

    private mutating func receivePayload(_ length: UInt32) -> Reaction {
        if guestShutdown.contains(.send) { return abort() }
        let held = UInt64(received &- forwarded) + UInt64(length)
        if held > UInt64(bufferSize) { return abort() }
        received &+= length
        if hostShutdown.contains(.receive) {
            // Sent before the guest saw our shutdown: nobody is left to read it.
            didForward(Int(length))
            return .none
        }
        return length == 0 ? .none : .payload(Int(length))
    }

    private mutating func receiveLingering(_ operation: VsockOperation, _ header: VsockHeader) -> Reaction {
        // Both closed at once: the guest, too, waits for a reset.
        if operation == .shutdown, VsockShutdown(rawValue: header.flags).isSuperset(of: .both) { reset() }
        return .none
    }

    /// Takes a packet that can't be meant: shorter than it says, for one.
    mutating func refuse() -> Reaction { phase == .finished ? .none : abort() }

    private mutating func abort() -> Reaction {
        reset()
        return .violation
    }
}
