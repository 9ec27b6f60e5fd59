/// Builds the payload of a control message: fields of tag (UInt16), length (UInt32) and bytes, all little-endian.
///
/// A tag with the top bit set is *critical*: a receiver that does not know it refuses the message. Any other
/// unknown tag is skipped, so a later version can add to a message without a new protocol version.
public struct FieldWriter: Sendable {
    public static let criticalBit: UInt16 = 0x8000

    public private(set) var bytes: [UInt8] = []

    public init(reserving capacity: Int = 128) { bytes.reserveCapacity(capacity) }

    public mutating func put(_ tag: UInt16, _ value: UnsafeRawBufferPointer) {
        putInteger(tag)
        putInteger(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    public mutating func put(_ tag: UInt16, _ value: [UInt8]) {
        value.withUnsafeBytes { put(tag, $0) }
    }

    public mutating func put(_ tag: UInt16, _ value: String) {
        var value = value
        value.withUTF8 { put(tag, UnsafeRawBufferPointer($0)) }
    }

    public mutating func put(_ tag: UInt16, _ value: UInt64) {
        // In one append: most fields are numbers, and an append costs more than what it copies.
        withUnsafeTemporaryAllocation(byteCount: 14, alignment: 8) { field in
            field.storeBytes(of: tag.littleEndian, as: UInt16.self)
            field.storeBytes(of: UInt32(8).littleEndian, toByteOffset: 2, as: UInt32.self)
            field.storeBytes(of: value.littleEndian, toByteOffset: 6, as: UInt64.self)
            bytes.append(contentsOf: UnsafeRawBufferPointer(field))
        }
    }

    public mutating func put(_ tag: UInt16, _ value: UInt32) { put(tag, UInt64(value)) }
    public mutating func put(_ tag: UInt16, _ value: Bool) { put(tag, UInt64(value ? 1 : 0)) }

    /// Writes nothing for nil: an absent field is how an optional value travels.
    public mutating func put(_ tag: UInt16, _ value: String?) { if let value { put(tag, value) } }
    public mutating func put(_ tag: UInt16, _ value: UInt64?) { if let value { put(tag, value) } }

    /// Overwrites what was written: there were secrets in it.
    public mutating func wipe() { SecretMemory.wipe(&bytes) }

    private mutating func putInteger<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
