/// How a guest is, pushed by its agent on the report channel: all of it behind the hello, then what changed at once, and the
/// figures every `interval`.
///
/// A section that is nil is as the last report of the same connection had it, so the start of a session costs 60 bytes and an
/// idle guest some hundred a minute.
public struct HealthReport: WireMessage {
    public static let kind = FrameKind.healthReport
    /// Between two steady reports, in milliseconds. A host that has heard nothing for three of them calls the agent silent.
    public static let interval = 15_000

    /// The guest's clock when this was sent, in nanoseconds since 1970.
    public var clock: UInt64
    public var figures: HealthFigures?
    public var sessions: HealthSessions?
    public var mounts: [HealthMount]?
    public var ports: [ListeningPort]?
    public var memoryKills: MemoryKills?
    public var services: HealthServices?

    public init(
        clock: UInt64, figures: HealthFigures? = nil, sessions: HealthSessions? = nil, mounts: [HealthMount]? = nil,
        ports: [ListeningPort]? = nil, memoryKills: MemoryKills? = nil, services: HealthServices? = nil
    ) {
        self.clock = clock
        self.figures = figures
        self.sessions = sessions
        self.mounts = mounts
        self.ports = ports
        self.memoryKills = memoryKills
        self.services = services
    }

    /// Takes over what a later report of the same connection tells.
    public mutating func merge(_ later: HealthReport) {
        clock = later.clock
        if let new = later.figures { figures = new }
        if let new = later.sessions { sessions = new }
        if let new = later.mounts { mounts = new }
        if let new = later.ports { ports = new }
        if let new = later.memoryKills { memoryKills = new }
        if let new = later.services { services = new }
    }

    /// Each section is a field of fields.
    public func encode(into writer: inout FieldWriter) {
        writer.put(1, clock)
        if let figures { writer.putSection(2, figures.encode) }
        if let sessions { writer.putSection(3, sessions.encode) }
        if let mounts {
            writer.putSection(4) { section in
                for mount in mounts.prefix(HealthMount.countLimit) { section.putSection(1, mount.encode) }
            }
        }
        if let ports {
            writer.putSection(5) { section in
                for port in ports.prefix(ListeningPort.countLimit) { section.putSection(1, port.encode) }
            }
        }
        if let memoryKills { writer.putSection(6, memoryKills.encode) }
        if let services { writer.putSection(7, services.encode) }
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var clock: UInt64?
        self.init(clock: 0)
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: clock = try field.integer()
            case 2: figures = try HealthFigures(decoding: field.bytes)
            case 3: sessions = try HealthSessions(decoding: field.bytes)
            case 4:
                mounts = try HealthReport.list(field, HealthMount.countLimit) { bytes throws(ProtocolError) in
                    try HealthMount(decoding: bytes)
                }
            case 5:
                ports = try HealthReport.list(field, ListeningPort.countLimit) { bytes throws(ProtocolError) in
                    try ListeningPort(decoding: bytes)
                }
            case 6: memoryKills = try MemoryKills(decoding: field.bytes)
            case 7: services = try HealthServices(decoding: field.bytes)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.clock = try FieldReader.require(clock, 1)
    }

    static func list<Item>(
        _ section: FieldReader.Field, _ limit: Int, _ item: (UnsafeRawBufferPointer) throws(ProtocolError) -> Item
    ) throws(ProtocolError) -> [Item] {
        var items: [Item] = []
        var reader = FieldReader(section.bytes)
        while let field = try reader.next() {
            guard field.tag == 1 else {
                try FieldReader.skipUnknown(field.tag)
                continue
            }
            guard items.count < limit else { throw .malformedField(section.tag) }
            items.append(try item(field.bytes))
        }
        return items
    }
}

extension FieldWriter {
    /// A field that is itself made of fields.
    mutating func putSection(_ tag: UInt16, _ body: (inout FieldWriter) -> Void) {
        var section = FieldWriter(reserving: 64)
        body(&section)
        put(tag, section.bytes)
    }
}
