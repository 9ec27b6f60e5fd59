/// A TCP port on which something in the guest listens.
public struct ListeningPort: Equatable, Hashable, Sendable {
    public static let countLimit = 256

    public var port: UInt16
    /// As `inet_ntop(3)` writes it: `0.0.0.0`, `::1`.
    public var address: String

    public init(port: UInt16, address: String) {
        self.port = port
        self.address = address
    }

    func encode(into writer: inout FieldWriter) {
        writer.putShort(1, UInt64(port))
        writer.put(2, HealthText.bounded(address, 46))
    }

    init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var (port, address): (UInt16?, String) = (nil, "")
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: port = try field.uint16()
            case 2: address = try field.string(limit: 46)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.init(port: try FieldReader.require(port, 1), address: address)
    }
}
