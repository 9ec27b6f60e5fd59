/// The command runs.
public struct Started: WireMessage {
    public static let kind = FrameKind.started
    /// In the guest.
    public var processID: UInt32
    /// Names the session in the guest for as long as it lives.
    public var sessionID: String

    public init(processID: UInt32, sessionID: String) {
        self.processID = processID
        self.sessionID = sessionID
    }

    public func encode(into writer: inout FieldWriter) {
        writer.put(1, processID)
        writer.put(2, sessionID)
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var (process, session): (UInt32?, String?)
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: process = try field.uint32()
            case 2: session = try field.string(limit: 64)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.init(processID: try FieldReader.require(process, 1), sessionID: try FieldReader.require(session, 2))
    }
}

/// More room for stdin. The first `Limits.stdinWindow` bytes are granted by `Started`.
public struct StandardInputWindow: WireMessage {
    public static let kind = FrameKind.standardInputWindow
    /// Bytes, added to what is left of the window.
    public var grant: UInt32
    public init(grant: UInt32) { self.grant = grant }
    public func encode(into writer: inout FieldWriter) { writer.put(1, grant) }
    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init(grant: try SingleInteger.decode(payload).field.uint32())
    }
}

/// A signal for the command's process group.
public struct SignalRequest: WireMessage {
    public static let kind = FrameKind.signal
    /// Linux signal number, 1…64.
    public var number: UInt32
    public init(number: UInt32) { self.number = number }
    public func encode(into writer: inout FieldWriter) { writer.put(1, number) }
    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        let number = try SingleInteger.decode(payload).field.uint32()
        guard (1...64).contains(number) else { throw .malformedField(1) }
        self.init(number: number)
    }
}

/// The terminal changed its size.
public struct Resize: WireMessage {
    public static let kind = FrameKind.resize
    public var size: ExecRequest.TerminalSize
    public init(size: ExecRequest.TerminalSize) { self.size = size }
    public func encode(into writer: inout FieldWriter) { writer.put(1, UInt64(size.rows) | UInt64(size.columns) << 16) }
    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        let value = try SingleInteger.decode(payload).field.uint32()
        self.init(size: .init(rows: UInt16(truncatingIfNeeded: value), columns: UInt16(value >> 16)))
    }
}

/// What the machine should do.
public struct PowerRequest: WireMessage {
    public static let kind = FrameKind.powerRequest
    public enum Action: UInt64, CaseIterable, Sendable {
        case powerOff = 1
        case restart = 2
    }
    public var action: Action
    public init(action: Action) { self.action = action }
    public func encode(into writer: inout FieldWriter) { writer.put(1, action.rawValue) }
    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        guard let action = Action(rawValue: try SingleInteger.decode(payload).field.integer()) else {
            throw .malformedField(1)
        }
        self.init(action: action)
    }
}

/// Messages of one integer with tag 1.
enum SingleInteger {
    struct Value { let field: FieldReader.Field }
    static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> Value {
        var found: FieldReader.Field?
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            if field.tag == 1 { found = field } else { try FieldReader.skipUnknown(field.tag) }
        }
        return Value(field: try FieldReader.require(found, 1))
    }
}
