/// The eight bytes before every payload: length (UInt32, little-endian, payload bytes only), kind (UInt8),
/// three zero bytes for later versions (ignored by this one).
public struct FrameHeader: Equatable, Sendable {
    public static let size = 8

    /// Payload bytes that follow.
    public var length: Int
    /// Known, or ignorable and unknown.
    public var rawKind: UInt8

    public var kind: FrameKind? { FrameKind(rawValue: rawKind) }

    public init(kind: FrameKind, length: Int) {
        self.length = length
        rawKind = kind.rawValue
    }

    /// Reads a header and holds it against the caps.
    /// - Parameter bytes: at least `FrameHeader.size`.
    /// - Throws: `unknownKind`, `tooLarge`, or `malformed` when there are too few bytes.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(ProtocolError) {
        guard bytes.count >= FrameHeader.size else { throw .malformed("frame header") }
        let length = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        rawKind = bytes[4]
        self.length = Int(length)
        let limit: Int
        if let kind = FrameKind(rawValue: rawKind) {
            limit = kind.limit
        } else if rawKind >= FrameKind.firstIgnorable {
            limit = Limits.controlPayload
        } else {
            throw .unknownKind(rawKind)
        }
        guard self.length <= limit else { throw .tooLarge(kind: rawKind, length: self.length, limit: limit) }
    }

    /// Writes the header to the first eight bytes of `target`.
    public func encode(into target: UnsafeMutableRawBufferPointer) {
        target.storeBytes(of: UInt32(length).littleEndian, as: UInt32.self)
        target[4] = rawKind
        target[5] = 0
        target[6] = 0
        target[7] = 0
    }
}
