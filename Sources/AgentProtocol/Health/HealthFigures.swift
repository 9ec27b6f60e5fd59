/// The numbers that move all the time; sent steadily and when one of them passes a mark (`HealthMarks`).
public struct HealthFigures: Equatable, Sendable {
    /// Shares of the last 10 seconds in hundredths of a percent (`avg10` of `/proc/pressure`): some task waited, or all did.
    public struct Pressure: Equatable, Sendable {
        public var processorSome: UInt64
        public var memorySome: UInt64
        public var memoryFull: UInt64
        public var storageSome: UInt64
        public var storageFull: UInt64

        public init(
            processorSome: UInt64 = 0, memorySome: UInt64 = 0, memoryFull: UInt64 = 0, storageSome: UInt64 = 0,
            storageFull: UInt64 = 0
        ) {
            self.processorSome = processorSome
            self.memorySome = memorySome
            self.memoryFull = memoryFull
            self.storageSome = storageSome
            self.storageFull = storageFull
        }
    }

    /// Of the machine, in milliseconds; sleep counts.
    public var uptime: UInt64 = 0
    /// Load averages of 1, 5 and 15 minutes, in hundredths.
    public var load1: UInt64 = 0
    public var load5: UInt64 = 0
    public var load15: UInt64 = 0
    /// In KiB, as `/proc/meminfo` has them.
    public var memoryTotal: UInt64 = 0
    public var memoryAvailable: UInt64 = 0
    public var swapTotal: UInt64 = 0
    public var swapFree: UInt64 = 0
    /// Processes and threads.
    public var tasks: UInt64 = 0
    /// nil where the kernel keeps none.
    public var pressure: Pressure?
    /// Of the agent: milliseconds since its start, of its processor time, and KiB of its resident memory.
    public var agentUptime: UInt64 = 0
    public var agentProcessorTime: UInt64 = 0
    public var agentResident: UInt64 = 0

    public init() {}

    func encode(into writer: inout FieldWriter) {
        let values = [
            uptime, load1, load5, load15, memoryTotal, memoryAvailable, swapTotal, swapFree, tasks, agentUptime,
            agentProcessorTime, agentResident,
        ]
        for (index, value) in values.enumerated() { writer.putShort(UInt16(index + 1), value) }
        guard let pressure else { return }
        writer.putShort(20, pressure.processorSome)
        writer.putShort(21, pressure.memorySome)
        writer.putShort(22, pressure.memoryFull)
        writer.putShort(23, pressure.storageSome)
        writer.putShort(24, pressure.storageFull)
    }

    init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: uptime = try field.integer()
            case 2: load1 = try field.integer()
            case 3: load5 = try field.integer()
            case 4: load15 = try field.integer()
            case 5: memoryTotal = try field.integer()
            case 6: memoryAvailable = try field.integer()
            case 7: swapTotal = try field.integer()
            case 8: swapFree = try field.integer()
            case 9: tasks = try field.integer()
            case 10: agentUptime = try field.integer()
            case 11: agentProcessorTime = try field.integer()
            case 12: agentResident = try field.integer()
            case 20...24:
                var known = pressure ?? Pressure()
                switch field.tag {
                case 20: known.processorSome = try field.integer()
                case 21: known.memorySome = try field.integer()
                case 22: known.memoryFull = try field.integer()
                case 23: known.storageSome = try field.integer()
                default: known.storageFull = try field.integer()
                }
                pressure = known
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
    }
}

extension FieldWriter {
    /// An integer in as few bytes as hold it.
    mutating func putShort(_ tag: UInt16, _ value: UInt64) {
        let count = max(1, 8 - value.leadingZeroBitCount / 8)
        withUnsafeBytes(of: value.littleEndian) { put(tag, UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
