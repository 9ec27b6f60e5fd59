import AgentProtocol
import LinuxSystem

/// What a sandbox's monitor knows of its guest's health. Times are nanoseconds on `CLOCK_MONOTONIC`, which all processes of
/// the host share. All text is the guest's, escaped.
public struct HealthRecord: Equatable, Sendable {
    /// The last try to run a command.
    public struct Probe: Equatable, Sendable {
        public var at: UInt64
        /// From the dial to the exit report; nil for somebody's own command, which may have run for hours.
        public var milliseconds: UInt64?
        /// Why no command could be run; nil when one was.
        public var failure: String?
        /// Of the first of the failures in a row.
        public var failingSince: UInt64?
    }

    /// When the agent said hello, and whether it says how the guest is.
    public var helloAt: UInt64 = 0
    public var reports = false
    /// Since when the agent is away.
    public var lostAt: UInt64?
    /// All that its reports told so far; nil before the first.
    public var report: HealthReport?
    public var reportedAt: UInt64 = 0
    /// The guest's clock minus the host's, in milliseconds, as two reports in a row had it.
    public var skewMilliseconds: Int64 = 0
    /// Mounts of the first report of this boot that are gone, or can't be written to any more.
    public var lostMounts: [String] = []
    public var readOnlyMounts: [String] = []
    public var probe: Probe?
    /// Ways into the guest that somebody on the host holds open.
    public var forwards: UInt64 = 0
    /// Of all reports since the boot.
    public var receivedBytes: UInt64 = 0
    /// Counts everything that changed here.
    public var version: UInt64 = 0

    public init() {}
}

extension HealthRecord {
    func encoded() -> [UInt8] {
        var writer = FieldWriter(reserving: 1024)
        writer.put(1, helloAt)
        writer.put(2, reports)
        writer.put(3, lostAt)
        if let report {
            var inner = FieldWriter(reserving: 1024)
            report.encode(into: &inner)
            writer.put(4, inner.bytes)
        }
        writer.put(5, reportedAt)
        writer.put(6, UInt64(bitPattern: skewMilliseconds))
        for path in lostMounts { writer.put(7, path) }
        for path in readOnlyMounts { writer.put(8, path) }
        if let probe {
            writer.put(9, probe.at)
            writer.put(10, probe.milliseconds)
            writer.put(11, probe.failure)
            writer.put(12, probe.failingSince)
        }
        writer.put(13, version)
        writer.put(14, receivedBytes)
        if forwards > 0 { writer.put(15, forwards) }
        return writer.bytes
    }

    init?(decoding bytes: [UInt8]) {
        self.init()
        let result = bytes.withUnsafeBytes { payload -> HealthRecord? in
            do throws(ProtocolError) { return try HealthRecord(fields: FieldReader(payload)) } catch { return nil }
        }
        guard let result else { return nil }
        self = result
    }

    private init(fields: FieldReader) throws(ProtocolError) {
        self.init()
        var reader = fields
        while let field = try reader.next() {
            switch field.tag {
            case 1: helloAt = try field.integer()
            case 2: reports = try field.bool()
            case 3: lostAt = try field.integer()
            case 4: report = try HealthReport(decoding: field.bytes)
            case 5: reportedAt = try field.integer()
            case 6: skewMilliseconds = Int64(bitPattern: try field.integer())
            case 7: lostMounts.append(try field.string())
            case 8: readOnlyMounts.append(try field.string())
            case 9: probe = Probe(at: try field.integer(), milliseconds: nil)
            case 10: probe?.milliseconds = try field.integer()
            case 11: probe?.failure = try field.string()
            case 12: probe?.failingSince = try field.integer()
            case 13: version = try field.integer()
            case 14: receivedBytes = try field.integer()
            case 15: forwards = try field.integer()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
    }
}
