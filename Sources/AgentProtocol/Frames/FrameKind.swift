/// What a frame carries. Kinds from 0x80 on may be ignored by a receiver that does not know them; a kind below
/// that is refused when unknown, because skipping it would change what the conversation means.
public enum FrameKind: UInt8, CaseIterable, Sendable {
    case hello = 0x01
    case welcome = 0x02
    /// The end of a conversation that failed.
    case failure = 0x03

    case execRequest = 0x10
    case started = 0x11
    /// Raw bytes.
    case standardOutput = 0x12
    /// Raw bytes.
    case standardError = 0x13
    /// Raw bytes, within the window.
    case standardInput = 0x14
    /// Empty: the command's stdin ends.
    case standardInputEnd = 0x15
    /// The agent grants more stdin bytes.
    case standardInputWindow = 0x16
    case signal = 0x17
    case resize = 0x18
    /// Empty: end the command and all it started, then say how it ended.
    case cancel = 0x19
    case exit = 0x1A

    case powerRequest = 0x20
    /// Empty: the request was taken.
    case accepted = 0x21
    /// Raw bytes that come back in `echoReply`; measures a connection.
    case echo = 0x22
    case echoReply = 0x23

    case provisionRequest = 0x30
    case provisionReport = 0x31
    case ownershipRequest = 0x32
    case ownershipReport = 0x33

    case forwardRequest = 0x40
    /// Raw bytes of what is forwarded, both ways.
    case forwardData = 0x41
    /// Empty: its sender has no more bytes; the other direction goes on.
    case forwardEnd = 0x42

    /// Guest to host on the report channel. Ignorable: a host that doesn't know it takes the hello alone.
    case healthReport = 0x80

    /// From this value on an unknown kind is skipped.
    public static let firstIgnorable: UInt8 = 0x80

    /// The largest payload, in bytes.
    public var limit: Int {
        switch self {
        case .standardOutput, .standardError, .standardInput, .echo, .echoReply, .forwardData: Limits.dataPayload
        case .execRequest, .provisionRequest, .ownershipRequest: Limits.requestPayload
        case .hello, .welcome: Limits.helloPayload
        case .healthReport: Limits.healthPayload
        case .standardInputEnd, .cancel, .accepted, .forwardEnd: 0
        default: Limits.controlPayload
        }
    }
}
