/// The tokens of a monitor's sandbox: what its guest is to have, whenever it is provisioned. In this memory alone.
///
/// Concurrency: the main thread changes, others look.
final class TokenVault: @unchecked Sendable {
    private let lock = Mutex()
    private var set: TokenSet

    init(_ set: TokenSet) { self.set = set }

    var current: TokenSet { lock.withLock { set } }

    func replace(with new: TokenSet) { lock.withLock { set = new } }
}

/// What somebody wants done with the tokens of a running sandbox.
enum TokenChange: Sendable {
    case put(TokenSet)
    /// nil for all.
    case revoke(Set<String>?)

    /// - Throws: `usage` for too many, or for a name that is not there.
    func applied(to current: TokenSet, sandbox: String) throws(ControllerError) -> TokenSet {
        var result = current
        switch self {
        case .put(let new): try result.put(new.tokens)
        case .revoke(nil): result = TokenSet()
        case .revoke(let names?):
            if let missing = names.subtracting(current.names).min() {
                throw ControllerError(
                    .usage, "There is no token \(PrintableText.quoted(missing)) in sandbox \(sandbox).",
                    advice: Similarity.closest(to: missing, among: current.names).map { "Did you mean \($0)?" }
                        ?? "`keystone agent tokens list \(sandbox)` shows those there are.")
            }
            result.remove(names)
        }
        return result
    }

    /// For `events.jsonl`: names only.
    var event: [String: String] {
        switch self {
        case .put(let new): ["given": new.names.joined(separator: ",")]
        case .revoke(nil): ["revoked": "all"]
        case .revoke(let names?): ["revoked": names.sorted().joined(separator: ",")]
        }
    }
}
