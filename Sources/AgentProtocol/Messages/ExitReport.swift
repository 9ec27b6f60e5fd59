/// How a command ended; the last frame of its connection.
public struct ExitReport: WireMessage {
    public static let kind = FrameKind.exit

    public enum Outcome: Equatable, Sendable {
        /// Exit code, 0…255.
        case code(UInt8)
        /// Killed by this signal, 1…64.
        case signal(UInt8)
    }

    public var outcome: Outcome
    /// The kernel killed a process of the session for want of memory.
    public var outOfMemory: Bool
    /// The command was ended because its time was up.
    public var timedOut: Bool
    /// Something the command left behind still held its output when the grace ended; later output is lost.
    public var truncated: Bool
    public var userMicroseconds: UInt64
    public var systemMicroseconds: UInt64
    /// From `fork` to the end of the command, in microseconds.
    public var wallMicroseconds: UInt64
    public var maximumResidentKibibytes: UInt64

    public init(
        outcome: Outcome, outOfMemory: Bool = false, timedOut: Bool = false, truncated: Bool = false,
        userMicroseconds: UInt64 = 0, systemMicroseconds: UInt64 = 0, wallMicroseconds: UInt64 = 0,
        maximumResidentKibibytes: UInt64 = 0
    ) {
        self.outcome = outcome
        self.outOfMemory = outOfMemory
        self.timedOut = timedOut
        self.truncated = truncated
        self.userMicroseconds = userMicroseconds
        self.systemMicroseconds = systemMicroseconds
        self.wallMicroseconds = wallMicroseconds
        self.maximumResidentKibibytes = maximumResidentKibibytes
    }

    public func encode(into writer: inout FieldWriter) {
        switch outcome {
        case .code(let code): writer.put(1, UInt64(code))
        case .signal(let number): writer.put(2, UInt64(number))
        }
        if outOfMemory { writer.put(3, true) }
        if timedOut { writer.put(4, true) }
        if truncated { writer.put(5, true) }
        writer.put(6, userMicroseconds)
        writer.put(7, systemMicroseconds)
        writer.put(8, wallMicroseconds)
        writer.put(9, maximumResidentKibibytes)
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init(outcome: .code(0))
        var outcome: Outcome?
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1:
                guard let code = UInt8(exactly: try field.integer()) else { throw .malformedField(1) }
                outcome = .code(code)
            case 2:
                guard let number = UInt8(exactly: try field.integer()), (1...64).contains(number) else {
                    throw .malformedField(2)
                }
                outcome = .signal(number)
            case 3: outOfMemory = try field.bool()
            case 4: timedOut = try field.bool()
            case 5: truncated = try field.bool()
            case 6: userMicroseconds = try field.integer()
            case 7: systemMicroseconds = try field.integer()
            case 8: wallMicroseconds = try field.integer()
            case 9: maximumResidentKibibytes = try field.integer()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.outcome = try FieldReader.require(outcome, 1)
    }
}
