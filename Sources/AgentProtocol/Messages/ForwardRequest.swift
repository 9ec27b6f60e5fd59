/// Asks the agent to connect to something in the guest and to carry bytes both ways. Answered by `accepted`, or by a
/// `Failure`; from then on both sides send `forwardData`, and `forwardEnd` when they have no more of it.
///
/// A side that closes the connection without its `forwardEnd` has given up, and so ends what the other side carries.
public struct ForwardRequest: WireMessage {
    public static let kind = FrameKind.forwardRequest

    /// PATH_MAX of the Linux kernel.
    public static let pathLimit = 4096
    public static let userLimit = 256

    public enum Target: Equatable, Sendable {
        /// A TCP port on the guest's loopback: 127.0.0.1, else ::1.
        case port(UInt16)
        /// A UNIX socket's absolute path in the guest, of bytes.
        case path([UInt8])
    }

    public var target: Target
    /// Who connects to a UNIX socket, as `ExecRequest.user` has it; nil for who commands run as.
    public var user: String?

    public init(_ target: Target, user: String? = nil) {
        self.target = target
        self.user = user
    }

    public func encode(into writer: inout FieldWriter) {
        switch target {
        case .port(let port): writer.put(1, UInt32(port))
        case .path(let path): writer.put(2, path)
        }
        // Critical: who doesn't know it would connect with other rights.
        if let user { writer.put(3 | FieldWriter.criticalBit, user) }
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var (target, user): (Target?, String?)
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1:
                let port = try field.uint16()
                guard port > 0, target == nil else { throw .malformedField(1) }
                target = .port(port)
            case 2:
                let path = try field.array(limit: ForwardRequest.pathLimit)
                guard path.first == UInt8(ascii: "/"), !path.contains(0), target == nil else {
                    throw .malformedField(2)
                }
                target = .path(path)
            case 3 | FieldWriter.criticalBit: user = try field.string(limit: ForwardRequest.userLimit)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.init(try FieldReader.require(target, 1), user: user)
    }
}
