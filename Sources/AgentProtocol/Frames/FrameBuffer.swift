/// Collects bytes as they arrive and gives out whole frames. Pure: the caller reads into `space(atLeast:)`, says
/// `received`, then takes frames with `next`.
///
/// It never holds more than one frame of the largest allowed size and one read's worth of bytes, whatever the
/// peer announces: a header is held against the caps before room is made for its payload.
public struct FrameBuffer: ~Copyable {
    private var storage: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    /// Upper bound on a payload besides each kind's own; lowered until a peer has shown its secret.
    public var payloadLimit: Int

    /// - Parameter capacity: bytes of room to start with, at least one frame header.
    public init(capacity: Int = 16 * 1024, payloadLimit: Int = .max) {
        storage = .allocate(byteCount: max(capacity, FrameHeader.size), alignment: 16)
        self.payloadLimit = payloadLimit
    }

    deinit { storage.deallocate() }

    /// Bytes received and not yet given out.
    public var pending: Int { end - start }

    /// Room to read into, at least `count` bytes; valid until the next call.
    public mutating func space(atLeast count: Int = 4096) -> UnsafeMutableRawBufferPointer {
        if start == end {
            start = 0
            end = 0
        }
        if storage.count - end < count {
            makeRoom(for: count)
        }
        return UnsafeMutableRawBufferPointer(rebasing: storage[end...])
    }

    /// Says that the first `count` bytes of the space were filled.
    public mutating func received(_ count: Int) {
        precondition(count >= 0 && end + count <= storage.count)
        end += count
    }

    /// Appends a copy of `bytes`.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        space(atLeast: bytes.count).copyMemory(from: bytes)
        received(bytes.count)
    }

    /// The next whole frame, or nil when more bytes are needed. The payload is valid until the next call of a
    /// mutating method. Ignorable frames of unknown kind are skipped.
    /// - Throws: as `FrameHeader.init(decoding:)`, and `tooLarge` by `payloadLimit`.
    public mutating func next() throws(ProtocolError) -> Frame? {
        while true {
            let available = end - start
            guard available >= FrameHeader.size else { return nil }
            let header = try FrameHeader(decoding: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
            guard header.length <= payloadLimit else {
                throw .tooLarge(kind: header.rawKind, length: header.length, limit: payloadLimit)
            }
            let total = FrameHeader.size + header.length
            guard available >= total else {
                if storage.count - start < total { makeRoom(for: total - available) }
                return nil
            }
            let payload = UnsafeRawBufferPointer(rebasing: storage[(start + FrameHeader.size)..<(start + total)])
            start += total
            if let kind = header.kind { return Frame(kind: kind, payload: payload) }
        }
    }

    /// Overwrites what was given out: there were secrets in it. What is pending stays.
    public mutating func wipeTaken() {
        SecretMemory.wipe(UnsafeMutableRawBufferPointer(rebasing: storage[..<start]))
    }

    /// Gives memory back after an unusually large frame; what is pending stays.
    public mutating func shrink(to capacity: Int = 16 * 1024) {
        guard storage.count > capacity, pending <= capacity else { return }
        let smaller = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        smaller.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
        storage.deallocate()
        storage = smaller
        end -= start
        start = 0
    }

    /// Moves what is pending to the front and grows so that `count` more bytes fit behind it.
    private mutating func makeRoom(for count: Int) {
        let pending = end - start
        if storage.count < pending + count {
            let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: pending + count, alignment: 16)
            grown.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
            storage.deallocate()
            storage = grown
        } else if start > 0, let base = storage.baseAddress {
            base.copyMemory(from: base + start, byteCount: pending)
        }
        start = 0
        end = pending
    }
}

/// One frame inside a `FrameBuffer`; copy what must outlive the buffer's next use.
public struct Frame {
    public let kind: FrameKind
    public let payload: UnsafeRawBufferPointer
}
