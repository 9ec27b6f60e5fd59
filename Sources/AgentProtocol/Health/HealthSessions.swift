/// The sessions of the agent.
public struct HealthSessions: Equatable, Sendable {
    /// That run now, detached ones among them.
    public var running: UInt64
    public var detached: UInt64
    /// Since the agent's start.
    public var started: UInt64

    public init(running: UInt64 = 0, detached: UInt64 = 0, started: UInt64 = 0) {
        self.running = running
        self.detached = detached
        self.started = started
    }

    func encode(into writer: inout FieldWriter) {
        writer.putShort(1, running)
        writer.putShort(2, detached)
        writer.putShort(3, started)
    }

    init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init()
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: running = try field.integer()
            case 2: detached = try field.integer()
            case 3: started = try field.integer()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
    }
}
