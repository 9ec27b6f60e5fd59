extension VsockConnection {
    /// The next control packet that is owed, which then counts as sent. Control goes before payload, so a response
    /// precedes the first byte; a shutdown is owed only after the last byte was read.
    mutating func takeControl(guestCID: UInt64) -> VsockHeader? {
        guard !owed.isEmpty else { return nil }
        if owed.contains(.reset) {
            owed = []
            phase = .finished
            return stamped(.reset, guestCID)
        }
        if owed.remove(.request) != nil { return stamped(.request, guestCID) }
        if owed.remove(.response) != nil { return stamped(.response, guestCID) }
        if owed.remove(.shutdown) != nil {
            var header = stamped(.shutdown, guestCID)
            header.flags = hostShutdown.rawValue
            return header
        }
        if owed.remove(.creditRequest) != nil { return stamped(.creditRequest, guestCID) }
        owed.remove(.creditUpdate)
        return stamped(.creditUpdate, guestCID)
    }

    /// The header for `length` bytes of payload, which then count as sent; at most `credit`.
    mutating func payloadHeader(_ length: Int, guestCID: UInt64) -> VsockHeader {
        sent &+= UInt32(truncatingIfNeeded: length)
        var header = stamped(.payload, guestCID)
        header.length = UInt32(truncatingIfNeeded: length)
        return header
    }

    private mutating func stamped(_ operation: VsockOperation, _ guestCID: UInt64) -> VsockHeader {
        var header = VsockHeader(toGuest: guestCID, ports: ports, operation: operation)
        header.bufferSize = bufferSize
        header.forwarded = forwarded
        announced = forwarded
        owed.remove(.creditUpdate)
        return header
    }
}
