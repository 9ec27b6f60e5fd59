import AgentProtocol
import LinuxSystem

/// What is recorded of a command: its words, who and where. Not its variables.
enum ExecNote {
    /// Bytes of the words that are kept; the rest is cut, and it is said.
    static let limit = 4096

    static func add(_ request: ExecRequest, to message: ControlMessage) -> ControlMessage {
        var bytes: [UInt8] = []
        var isCut = false
        for argument in request.arguments {
            guard bytes.count < limit else {
                isCut = true
                break
            }
            let kept = argument.prefix(limit - bytes.count)
            if kept.count < argument.count { isCut = true }
            bytes += kept
            bytes.append(0)
        }
        var noted = message.with(.arguments, bytes).with(.user, request.user).with(.folder, request.directory)
        if isCut { noted = noted.with(.cut, 1) }
        return noted
    }

    /// Words of bytes that are no text are shown as well as they can be.
    static func arguments(_ bytes: [UInt8]) -> [String] {
        var words = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        if words.last == "" { words.removeLast() }
        return words
    }
}

/// A client's hold on the record of its command. When it goes without `ended`, the record says that the client was lost.
public final class ExecReceipt: Sendable {
    private let client: ControlClient

    init(_ client: consuming ControlClient) { self.client = client }

    /// - Parameter code: what the client will exit with.
    public func ended(code: Int32) { client.tell(ControlMessage(.ended).with(.code, "\(code)")) }

    /// The command runs on as this session.
    public func detached(session: String) { client.tell(ControlMessage(.ended).with(.session, session)) }
}
