/// Walks the fields of a control message; see `FieldWriter` for their form.
///
/// Integers are accepted in 1 to 8 bytes, so a field can grow or shrink between versions.
public struct FieldReader {
    /// One field, valid as long as the payload it was read from.
    public struct Field {
        public let tag: UInt16
        public let bytes: UnsafeRawBufferPointer

        public func integer() throws(ProtocolError) -> UInt64 {
            guard (1...8).contains(bytes.count) else { throw .malformedField(tag) }
            var value: UInt64 = 0
            for (index, byte) in bytes.enumerated() { value |= UInt64(byte) << UInt64(8 * index) }
            return value
        }

        public func uint32() throws(ProtocolError) -> UInt32 {
            guard let value = UInt32(exactly: try integer()) else { throw .malformedField(tag) }
            return value
        }

        public func uint16() throws(ProtocolError) -> UInt16 {
            guard let value = UInt16(exactly: try integer()) else { throw .malformedField(tag) }
            return value
        }

        public func bool() throws(ProtocolError) -> Bool { try integer() != 0 }

        /// Valid UTF-8 without NUL.
        public func string(limit: Int = .max) throws(ProtocolError) -> String {
            guard bytes.count <= limit, !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
                throw .malformedField(tag)
            }
            return text
        }

        public func array(limit: Int = .max) throws(ProtocolError) -> [UInt8] {
            guard bytes.count <= limit else { throw .malformedField(tag) }
            return [UInt8](bytes)
        }
    }

    private var rest: UnsafeRawBufferPointer
    private var count = 0

    public init(_ payload: UnsafeRawBufferPointer) { rest = payload }

    /// The next field, or nil at the end.
    public mutating func next() throws(ProtocolError) -> Field? {
        if rest.isEmpty { return nil }
        guard rest.count >= 6, count < Limits.fieldCount else { throw .malformed("field header") }
        count += 1
        let tag = UInt16(littleEndian: rest.loadUnaligned(as: UInt16.self))
        let length = Int(UInt32(littleEndian: rest.loadUnaligned(fromByteOffset: 2, as: UInt32.self)))
        guard rest.count - 6 >= length else { throw .malformed("field length") }
        let bytes = UnsafeRawBufferPointer(rebasing: rest[6..<(6 + length)])
        rest = UnsafeRawBufferPointer(rebasing: rest[(6 + length)...])
        return Field(tag: tag, bytes: bytes)
    }

    /// The rule for a tag that the reader does not know.
    public static func skipUnknown(_ tag: UInt16) throws(ProtocolError) {
        if tag & FieldWriter.criticalBit != 0 { throw .unknownCriticalField(tag) }
    }

    /// A required value, or the error that names its tag.
    public static func require<Value>(_ value: Value?, _ tag: UInt16) throws(ProtocolError) -> Value {
        guard let value else { throw .missingField(tag) }
        return value
    }
}

extension String {
    init?(validating bytes: UnsafeRawBufferPointer, as encoding: UTF8.Type) {
        guard let text = String(validating: bytes.lazy.map { $0 }, as: encoding) else { return nil }
        self = text
    }
}
