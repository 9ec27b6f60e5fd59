/// Processes that the guest's kernel killed for want of memory.
public struct MemoryKills: Equatable, Sendable {
    public struct Kill: Equatable, Sendable {
        /// The program's name as the kernel has it, at most 15 bytes of any kind.
        public var program: String
        public var processID: UInt64
        /// The machine's uptime, in milliseconds.
        public var uptime: UInt64
        public init(program: String, processID: UInt64, uptime: UInt64) {
            self.program = program
            self.processID = processID
            self.uptime = uptime
        }
    }

    public static let countLimit = 8

    /// Since the machine's boot (`oom_kill` of `/proc/vmstat`).
    public var total: UInt64
    /// The last ones that were seen, oldest first.
    public var recent: [Kill]

    public init(total: UInt64 = 0, recent: [Kill] = []) {
        self.total = total
        self.recent = recent
    }

    func encode(into writer: inout FieldWriter) {
        writer.putShort(2, total)
        for kill in recent.suffix(MemoryKills.countLimit) {
            writer.putSection(1) { section in
                section.put(1, HealthText.bounded(kill.program, 64))
                section.putShort(2, kill.processID)
                section.putShort(3, kill.uptime)
            }
        }
    }

    init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init()
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1:
                guard recent.count < MemoryKills.countLimit else { throw .malformedField(1) }
                recent.append(try MemoryKills.kill(field.bytes))
            case 2: total = try field.integer()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
    }

    private static func kill(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> Kill {
        var kill = Kill(program: "", processID: 0, uptime: 0)
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: kill.program = try field.string(limit: 64)
            case 2: kill.processID = try field.integer()
            case 3: kill.uptime = try field.integer()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        return kill
    }
}
