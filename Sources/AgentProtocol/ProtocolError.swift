/// Why bytes from a peer were refused. The connection they came on is of no more use.
public enum ProtocolError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A frame or message is longer than its kind may be.
    case tooLarge(kind: UInt8, length: Int, limit: Int)
    /// A frame kind that this version does not know and that its sender did not mark as ignorable.
    case unknownKind(UInt8)
    /// A message holds a field that this version does not know and that its sender marked as critical.
    case unknownCriticalField(UInt16)
    /// A required field is missing.
    case missingField(UInt16)
    /// A field's bytes are not of its type.
    case malformedField(UInt16)
    /// The bytes are not a frame or message at all; the text says where.
    case malformed(String)
    /// The connection ended inside a frame.
    case truncated

    public var description: String {
        switch self {
        case .tooLarge(let kind, let length, let limit):
            "frame of kind \(kind) has \(length) bytes, more than the \(limit) allowed"
        case .unknownKind(let kind): "unknown frame kind \(kind)"
        case .unknownCriticalField(let tag): "unknown critical field \(tag)"
        case .missingField(let tag): "field \(tag) is missing"
        case .malformedField(let tag): "field \(tag) is malformed"
        case .malformed(let what): "malformed \(what)"
        case .truncated: "the connection ended inside a frame"
        }
    }
}
