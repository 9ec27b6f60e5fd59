/// The answer to a `Hello` that was accepted.
public struct Welcome: WireMessage {
    public static let kind = FrameKind.welcome

    /// The version both will speak.
    public var version: UInt16
    /// The abilities of the answering side.
    public var features: Features
    /// What proves the answering side.
    public var secret: Secret
    public var softwareVersion: String

    public init(
        version: UInt16, features: Features, secret: Secret, softwareVersion: String = SoftwareVersion.current
    ) {
        self.version = version
        self.features = features
        self.secret = secret
        self.softwareVersion = softwareVersion
    }

    public func encode(into writer: inout FieldWriter) {
        writer.put(1, UInt32(version))
        writer.put(2, features.rawValue)
        writer.put(3, secret.reveal())
        writer.put(4, softwareVersion)
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var version: UInt16?
        var (features, secret, software): (Features, Secret?, String) = ([], nil, "")
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: version = try field.uint16()
            case 2: features = Features(rawValue: try field.integer())
            case 3:
                guard let value = Secret(try field.array(limit: Secret.size)) else { throw .malformedField(3) }
                secret = value
            case 4: software = try field.string(limit: 128)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.init(
            version: try FieldReader.require(version, 1), features: features,
            secret: try FieldReader.require(secret, 3), softwareVersion: software)
    }
}
