import AgentProtocol
import FoundationEssentials

/// A token as it may be shown: everything but its value.
public struct TokenListing: Codable, Equatable, Sendable {
    public var name: String
    /// As `TokenSource.text` says it, or `tokens set`.
    public var source: String
    /// When the value was read.
    public var readAt: Date
    /// Asterisks and, at most, the value's last characters.
    public var masked: String
    /// Whether it is in the environment of sessions; else it is a file only.
    public var isVariable: Bool

    init(_ held: HeldToken) {
        name = held.name
        source = held.source
        readAt = held.readAt
        masked = TokenListing.mask(held.token.value)
        isVariable = held.token.hindrance == nil
    }

    /// Characters shown, at most, and the part of the value that they may be.
    private static let (shown, part) = (4, 4)

    /// The last 4 characters, and never more than a quarter of the value. What does not print shows nothing. The asterisks are
    /// always as many: a length tells something too.
    static func mask(_ value: TokenValue) -> String {
        var bytes = value.reveal()
        defer { SecretMemory.wipe(&bytes) }
        // By characters: of a value in another script a quarter of the bytes would be more of them.
        let count = min(shown, String(decoding: bytes, as: UTF8.self).count / part)
        let tail = bytes.suffix(count)
        let isPrintable = tail.allSatisfy { (0x21...0x7E).contains($0) }
        return "****" + (isPrintable ? String(decoding: tail, as: UTF8.self) : "")
    }
}
