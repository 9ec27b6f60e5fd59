/// Why the answering side ends a conversation.
public struct Failure: WireMessage {
    public static let kind = FrameKind.failure

    /// A reason a program can act on. Unknown codes of later versions arrive as `other`.
    public enum Code: UInt64, CaseIterable, Sendable {
        case other = 0
        case unauthorized = 1
        case versionMismatch = 2
        case malformed = 3
        case unsupported = 4
        /// The command's program does not exist: exit code 127 on the host.
        case programNotFound = 5
        /// The command's program exists and can't be executed: exit code 126 on the host.
        case programNotExecutable = 6
        case noSuchUser = 7
        case noSuchDirectory = 8
        /// Arguments and environment are more than the guest's kernel takes (E2BIG).
        case argumentsTooLong = 9
        /// No memory, process, descriptor or cgroup to be had.
        case resourcesExhausted = 10
        case shuttingDown = 11
        /// Nobody listens on the port or at the path, or what does takes nobody in.
        case connectionRefused = 12
        /// There is no such socket in the guest.
        case noSuchSocket = 13
        /// The user may not connect to the socket.
        case permissionDenied = 14
    }

    public var code: Code
    /// One sentence in the user's words.
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public func encode(into writer: inout FieldWriter) {
        writer.put(1, code.rawValue)
        writer.put(2, message)
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var code = Code.other
        var message = ""
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: code = Code(rawValue: try field.integer()) ?? .other
            case 2: message = try field.string(limit: Limits.sentenceBytes)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.init(code, message)
    }
}
