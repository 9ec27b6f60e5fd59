/// Runs a command in the guest. It travels right behind the `Hello`, so an operation costs one round trip.
public struct ExecRequest: WireMessage {
    public static let kind = FrameKind.execRequest

    /// Rows and columns of a terminal, in characters, 0 where unknown.
    public struct TerminalSize: Equatable, Sendable {
        public var rows: UInt16
        public var columns: UInt16
        public init(rows: UInt16, columns: UInt16) {
            self.rows = rows
            self.columns = columns
        }
    }

    public enum Standard: UInt64, Sendable {
        /// stdin is `/dev/null`.
        case none = 0
        /// stdin is a pipe fed by `standardInput` frames.
        case stream = 1
    }

    /// At least one; arguments go to `execve(2)` as they are, no shell in between. Bytes, not text.
    public var arguments: [[UInt8]]
    /// `NAME=value` entries that override the user's base environment.
    public var environment: [[UInt8]]
    /// Absolute, or relative to the user's default directory; nil for that directory.
    public var directory: String?
    /// A name or number, optionally `:GROUP`; nil for the agent's default user.
    public var user: String?
    /// A terminal of this size instead of pipes.
    public var terminal: TerminalSize?
    public var standardInput: Standard
    /// The command is ended after this many milliseconds; 0 for never.
    public var timeoutMilliseconds: UInt64
    /// The command outlives this connection.
    public var detached: Bool
    /// The command's environment has none of the sandbox's tokens.
    public var withholdsTokens: Bool
    /// The host tries whether commands can be run: a session as any other, but not counted as use of the guest.
    public var isProbe: Bool

    public init(
        arguments: [[UInt8]], environment: [[UInt8]] = [], directory: String? = nil, user: String? = nil,
        terminal: TerminalSize? = nil, standardInput: Standard = .none, timeoutMilliseconds: UInt64 = 0,
        detached: Bool = false, withholdsTokens: Bool = false, isProbe: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.user = user
        self.terminal = terminal
        self.standardInput = standardInput
        self.timeoutMilliseconds = timeoutMilliseconds
        self.detached = detached
        self.withholdsTokens = withholdsTokens
        self.isProbe = isProbe
    }

    public func encode(into writer: inout FieldWriter) {
        for argument in arguments { writer.put(1, argument) }
        for entry in environment { writer.put(2, entry) }
        writer.put(3, directory)
        writer.put(4, user)
        if let terminal { writer.put(5, UInt64(terminal.rows) | UInt64(terminal.columns) << 16) }
        if standardInput != .none { writer.put(6, standardInput.rawValue) }
        if timeoutMilliseconds != 0 { writer.put(7 | FieldWriter.criticalBit, timeoutMilliseconds) }
        if detached { writer.put(8 | FieldWriter.criticalBit, true) }
        // Critical: an agent that does not know it would give the tokens.
        if withholdsTokens { writer.put(9 | FieldWriter.criticalBit, true) }
        if isProbe { writer.put(10, true) }
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init(arguments: [])
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: arguments.append(try ExecRequest.argument(field, count: arguments.count))
            case 2: environment.append(try ExecRequest.argument(field, count: environment.count))
            case 3: directory = try field.string(limit: 4096)
            case 4: user = try field.string(limit: 256)
            case 5:
                let value = try field.uint32()
                terminal = TerminalSize(rows: UInt16(truncatingIfNeeded: value), columns: UInt16(value >> 16))
            case 6:
                guard let value = Standard(rawValue: try field.integer()) else { throw .malformedField(6) }
                standardInput = value
            case 7 | FieldWriter.criticalBit: timeoutMilliseconds = try field.integer()
            case 8 | FieldWriter.criticalBit: detached = try field.bool()
            case 9 | FieldWriter.criticalBit: withholdsTokens = try field.bool()
            case 10: isProbe = try field.bool()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        guard let program = arguments.first, !program.isEmpty else { throw .missingField(1) }
    }

    private static func argument(_ field: FieldReader.Field, count: Int) throws(ProtocolError) -> [UInt8] {
        guard count < Limits.argumentCount, !field.bytes.contains(0) else { throw .malformedField(field.tag) }
        return try field.array(limit: Limits.argumentBytes)
    }
}
