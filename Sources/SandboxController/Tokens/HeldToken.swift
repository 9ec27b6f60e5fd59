import AgentProtocol
import FoundationEssentials

/// A token with where it came from and when.
public struct HeldToken: Equatable, Sendable {
    let token: ProvisionRequest.Token
    /// For lists; see `TokenSource.text`.
    let source: String
    let readAt: Date

    public var name: String { token.name }

    init?(name: String, value: TokenValue, source: String, readAt: Date = Date()) {
        guard let token = ProvisionRequest.Token(name: name, value: value) else { return nil }
        (self.token, self.source, self.readAt) = (token, source, readAt)
    }

    /// What somebody gives by `tokens set`: it has no source that could be read again.
    public static let givenByHand = "tokens set"
}

/// The tokens of one sandbox, by name. Printing them shows names only.
public struct TokenSet: Equatable, Sendable {
    public private(set) var tokens: [HeldToken] = []

    public init() {}

    public var names: [String] { tokens.map(\.name) }
    public var isEmpty: Bool { tokens.isEmpty }

    /// What somebody should know of those that can't be in an environment: a clause for each.
    public var hindrances: [String] {
        tokens.compactMap { held in
            held.token.hindrance.map { "the token \(held.name) is a file only, and no variable: \($0)" }
        }
    }

    /// Adds tokens, in the places of those of the same name.
    /// - Throws: `usage` for more than a sandbox takes; nothing is changed then.
    public mutating func put(_ new: some Sequence<HeldToken>) throws(ControllerError) {
        var all = Dictionary(uniqueKeysWithValues: tokens.map { ($0.name, $0) })
        for token in new { all[token.name] = token }
        let size = all.values.reduce(0) { $0 + $1.token.value.count }
        guard all.count <= ProvisionRequest.tokenLimit, size <= ProvisionRequest.tokenBytes else {
            throw ControllerError(
                .usage,
                "There would be \(all.count) tokens with \((size + 1023) / 1024) KiB; a sandbox takes \(ProvisionRequest.tokenLimit) with \(ProvisionRequest.tokenBytes / 1024) KiB."
            )
        }
        tokens = all.values.sorted { $0.name < $1.name }
    }

    /// One token that somebody gave by hand.
    /// - Parameter bytes: as they were typed or piped in: one line feed at the end is no part of the value.
    /// - Throws: `usage` for none, or too much.
    public static func given(_ name: String, _ bytes: [UInt8]) throws(ControllerError) -> TokenSet {
        let value = try TokenSource.value(TokenSource.trimmed(bytes), name, from: HeldToken.givenByHand)
        try TokenNames.validate(name, source: "TOKEN")
        var set = TokenSet()
        if let held = HeldToken(name: name, value: value, source: HeldToken.givenByHand) { try set.put([held]) }
        return set
    }

    mutating func remove(_ names: Set<String>) { tokens.removeAll { names.contains($0.name) } }
}

extension TokenSet: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "TokenSet(\(names.joined(separator: ", ")))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["names": names]) }
}

// For the start channel and the control socket only.
extension TokenSet {
    /// For each token: name, source, seconds since 1970, value; as fields 1 to 4 (see `FieldWriter`).
    func encoded() -> [UInt8] {
        var writer = FieldWriter(
            reserving: tokens.reduce(64) { $0 + $1.token.value.count + $1.source.utf8.count + 512 })
        for held in tokens {
            writer.put(1, held.name)
            writer.put(2, held.source)
            writer.put(3, UInt64(max(0, held.readAt.timeIntervalSince1970)))
            held.token.value.withBytes { writer.put(4, $0) }
        }
        return writer.bytes
    }

    /// - Returns: nil for what `encoded` did not give.
    init?(encoded: [UInt8]) {
        let found = encoded.withUnsafeBytes { bytes -> [HeldToken]? in
            do throws(ProtocolError) { return try TokenSet.decode(FieldReader(bytes)) } catch { return nil }
        }
        guard let found, (try? put(found)) != nil else { return nil }
    }

    private static func decode(_ fields: FieldReader) throws(ProtocolError) -> [HeldToken] {
        var reader = fields
        var found: [HeldToken] = []
        var (name, source, time) = ("", "", UInt64(0))
        while let field = try reader.next() {
            switch field.tag {
            case 1: name = try field.string(limit: ProvisionRequest.Token.nameLimit)
            case 2: source = try field.string(limit: 8192)
            case 3: time = try field.integer()
            case 4:
                let readAt = Date(timeIntervalSince1970: Double(time))
                guard found.count < ProvisionRequest.tokenLimit, let value = TokenValue(field.bytes),
                    let held = HeldToken(name: name, value: value, source: source, readAt: readAt)
                else { throw .malformedField(4) }
                found.append(held)
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        return found
    }
}
