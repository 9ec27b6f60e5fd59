/// What the guest's service manager says.
public struct HealthServices: Equatable, Sendable {
    public static let failedLimit = 32
    public static let activeLimit = 128
    public static let nameLimit = 128

    /// `systemctl is-system-running`'s word: `running`, `degraded`, `starting`…
    public var state: String
    /// Units that failed, by name.
    public var failed: [String]
    /// Services that are up, by name.
    public var active: [String]

    public init(state: String = "", failed: [String] = [], active: [String] = []) {
        self.state = state
        self.failed = failed
        self.active = active
    }

    func encode(into writer: inout FieldWriter) {
        writer.put(1, HealthText.bounded(state, 32))
        for name in failed.prefix(HealthServices.failedLimit) {
            writer.put(2, HealthText.bounded(name, HealthServices.nameLimit))
        }
        for name in active.prefix(HealthServices.activeLimit) {
            writer.put(3, HealthText.bounded(name, HealthServices.nameLimit))
        }
    }

    init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init()
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: state = try field.string(limit: 32)
            case 2: try HealthServices.append(field, to: &failed, HealthServices.failedLimit)
            case 3: try HealthServices.append(field, to: &active, HealthServices.activeLimit)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
    }

    private static func append(_ field: FieldReader.Field, to names: inout [String], _ limit: Int)
        throws(ProtocolError)
    {
        guard names.count < limit else { throw .malformedField(field.tag) }
        names.append(try field.string(limit: nameLimit))
    }
}
