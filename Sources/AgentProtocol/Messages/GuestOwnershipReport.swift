/// What the agent saw and changed so far, or in all.
public struct GuestOwnershipReport: WireMessage {
    public static let kind = FrameKind.ownershipReport

    /// Why an entry's owner could not be made right. Unknown ones of later versions arrive as `other`.
    public enum Reason: UInt8, CaseIterable, Sendable {
        case other = 0
        /// The file system has no owners for such a thing.
        case symbolicLink = 1
        case pipe = 2
        case socket = 3
        /// Left alone: who owns a device file owns the device.
        case device = 4
        case otherMount = 5
        case notPermitted = 6
        case closedFolder = 7
        case readOnly = 8
        case noOwners = 9
        case noSpace = 10
        case tooDeep = 11
        /// Left alone: a file of a system account that has a second name, which may lie elsewhere.
        case hardLink = 12
    }

    public struct Problem: Equatable, Sendable {
        public var reason: Reason
        /// `errno(3)` of Linux, 0 where none belongs to the reason.
        public var code: UInt32
        public var count: UInt64
        /// The first paths, relative to the request's root, of bytes; long ones are cut.
        public var examples: [[UInt8]]
        public init(_ reason: Reason, code: UInt32 = 0, count: UInt64 = 0, examples: [[UInt8]] = []) {
            self.reason = reason
            self.code = code
            self.count = count
            self.examples = examples
        }
    }

    public static let problemLimit = 32
    public static let exampleLimit = 10
    /// Longest example, in bytes; all of them fit in a control frame.
    public static let exampleBytes = 160

    /// More will follow; such a report has counts only.
    public var isPartial: Bool
    /// False when a time limit ended the walk before everything was seen.
    public var isComplete: Bool
    /// Entries looked at; a file with several names counts once.
    public var seen: UInt64
    /// In a dry run: what would be changed.
    public var changed: UInt64
    public var alreadyRight: UInt64
    /// Of the changed files, those that had set-user or set-group bits, which `chown(2)` clears.
    public var bitsCleared: UInt64
    /// How often `chown(2)` was called, whatever came of it.
    public var calls: UInt64
    public var milliseconds: UInt64
    public var problems: [Problem]

    public init(
        isPartial: Bool = false, isComplete: Bool = true, seen: UInt64 = 0, changed: UInt64 = 0,
        alreadyRight: UInt64 = 0, bitsCleared: UInt64 = 0, calls: UInt64 = 0, milliseconds: UInt64 = 0,
        problems: [Problem] = []
    ) {
        self.isPartial = isPartial
        self.isComplete = isComplete
        self.seen = seen
        self.changed = changed
        self.alreadyRight = alreadyRight
        self.bitsCleared = bitsCleared
        self.calls = calls
        self.milliseconds = milliseconds
        self.problems = problems
    }

    /// A problem is a field with its reason, code and count, and each of its examples one behind it.
    public func encode(into writer: inout FieldWriter) {
        writer.put(1, isPartial)
        writer.put(2, isComplete)
        for (tag, value) in [
            (3, seen), (4, changed), (5, alreadyRight), (6, bitsCleared), (7, calls), (8, milliseconds),
        ] { writer.put(UInt16(tag), value) }
        for problem in problems.prefix(GuestOwnershipReport.problemLimit) {
            var bytes = [problem.reason.rawValue]
            withUnsafeBytes(of: problem.code.littleEndian) { bytes += $0 }
            withUnsafeBytes(of: problem.count.littleEndian) { bytes += $0 }
            writer.put(9, bytes)
            for example in problem.examples.prefix(GuestOwnershipReport.exampleLimit) {
                writer.put(10, Array(example.prefix(GuestOwnershipReport.exampleBytes)))
            }
        }
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init()
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: isPartial = try field.bool()
            case 2: isComplete = try field.bool()
            case 3: seen = try field.integer()
            case 4: changed = try field.integer()
            case 5: alreadyRight = try field.integer()
            case 6: bitsCleared = try field.integer()
            case 7: calls = try field.integer()
            case 8: milliseconds = try field.integer()
            case 9:
                guard problems.count < GuestOwnershipReport.problemLimit, field.bytes.count >= 13 else {
                    throw .malformedField(9)
                }
                problems.append(
                    Problem(
                        Reason(rawValue: field.bytes[0]) ?? .other,
                        code: UInt32(littleEndian: field.bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)),
                        count: UInt64(littleEndian: field.bytes.loadUnaligned(fromByteOffset: 5, as: UInt64.self))))
            case 10:
                guard let last = problems.indices.last,
                    problems[last].examples.count < GuestOwnershipReport.exampleLimit
                else { throw .malformedField(10) }
                problems[last].examples.append(try field.array(limit: GuestOwnershipReport.exampleBytes))
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
    }
}
