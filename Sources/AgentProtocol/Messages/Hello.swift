/// The first frame of every connection, from the side that dialled.
public struct Hello: WireMessage {
    public static let kind = FrameKind.hello

    /// What the connection is for.
    public enum Role: UInt64, Sendable {
        /// Guest to host, once at boot: "I am up", then reports.
        case report = 1
        /// Host to guest: one operation.
        case operation = 2
    }

    public var versions: VersionRange
    public var features: Features
    public var role: Role
    /// What proves the dialling side.
    public var secret: Secret
    /// Of the sender's program, for people.
    public var softwareVersion: String
    /// The kernel's boot id (`/proc/sys/kernel/random/boot_id`) when a guest says hello.
    public var bootID: String?

    public init(
        versions: VersionRange = .current, features: Features = [], role: Role, secret: Secret,
        softwareVersion: String = SoftwareVersion.current, bootID: String? = nil
    ) {
        self.versions = versions
        self.features = features
        self.role = role
        self.secret = secret
        self.softwareVersion = softwareVersion
        self.bootID = bootID
    }

    public func encode(into writer: inout FieldWriter) {
        writer.put(1, UInt32(versions.lowest))
        writer.put(2, UInt32(versions.highest))
        writer.put(3, features.rawValue)
        writer.put(4, role.rawValue)
        writer.put(5, secret.reveal())
        writer.put(6, softwareVersion)
        writer.put(7, bootID)
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var (lowest, highest): (UInt16?, UInt16?)
        var (features, role, secret): (Features, Role?, Secret?) = ([], nil, nil)
        var (software, bootID): (String, String?) = ("", nil)
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: lowest = try field.uint16()
            case 2: highest = try field.uint16()
            case 3: features = Features(rawValue: try field.integer())
            case 4:
                guard let value = Role(rawValue: try field.integer()) else { throw .malformedField(4) }
                role = value
            case 5:
                guard let value = Secret(try field.array(limit: Secret.size)) else { throw .malformedField(5) }
                secret = value
            case 6: software = try field.string(limit: 128)
            case 7: bootID = try field.string(limit: 64)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.init(
            versions: VersionRange(
                lowest: try FieldReader.require(lowest, 1), highest: try FieldReader.require(highest, 2)),
            features: features, role: try FieldReader.require(role, 4), secret: try FieldReader.require(secret, 5),
            softwareVersion: software, bootID: bootID)
        guard versions.lowest <= versions.highest else { throw .malformedField(2) }
    }
}

public enum SoftwareVersion {
    /// Of this build, for people; the wire is negotiated by `VersionRange`.
    public static let current = "0.1.0"
}
