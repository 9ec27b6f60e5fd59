import AgentProtocol
import FoundationEssentials
import LinuxSystem

extension SandboxController {
    /// The tokens in a running sandbox, masked, by name.
    /// - Throws: `noSuchSandbox`, `notRunning`.
    public func tokens(_ name: String) throws(ControllerError) -> [TokenListing] {
        try Self.listing(in: ask(ControlMessage(.listTokens), of: name, progress: SilentProgress()), name)
    }

    /// Gives tokens to a running sandbox, in the places of those of the same name.
    /// - Returns: all that are in it then.
    /// - Throws: when they could not be given: `notRunning`, `agentGone`, `agentRefused` …
    @discardableResult
    public func giveTokens(
        _ tokens: TokenSet, to name: String, progress: any ProgressReporter = SilentProgress()
    ) throws(ControllerError) -> [TokenListing] {
        let request = ControlMessage(.changeTokens).with(.tokens, tokens.encoded())
        return try Self.listing(in: ask(request, of: name, progress: progress), name)
    }

    /// Takes tokens away from a running sandbox.
    /// - Parameter tokens: names; nil for all.
    /// - Returns: those that are still in it.
    @discardableResult
    public func revokeTokens(
        _ tokens: [String]?, of name: String, progress: any ProgressReporter = SilentProgress()
    ) throws(ControllerError) -> [TokenListing] {
        var request = ControlMessage(.changeTokens).with(.force, tokens == nil ? 1 : 0)
        if let tokens { request = request.with(.revoked, tokens.joined(separator: ",")) }
        return try Self.listing(in: ask(request, of: name, progress: progress), name)
    }

    private static func listing(
        in answer: ControlMessage, _ name: String
    ) throws(ControllerError) -> [TokenListing] {
        guard let bytes = answer.bytes(.tokenListing),
            let listing = try? JSONDecoder().decode([TokenListing].self, from: Data(bytes))
        else { throw ControllerError(.internal, "The monitor of sandbox \(name) gave no list of tokens.") }
        return listing
    }
}

extension ControlMessage {
    /// The answer that shows tokens: masked where they are, so that no value travels back.
    static func listing(_ tokens: TokenSet) -> ControlMessage {
        let list = tokens.tokens.map(TokenListing.init)
        return ControlMessage(.done).with(.tokenListing, (try? JSONEncoder().encode(list)).map { Array($0) } ?? [])
    }

    /// What a `changeTokens` asks for; nil when it makes no sense.
    var tokenChange: TokenChange? {
        if let encoded = bytes(.tokens) { return TokenSet(encoded: encoded).map { .put($0) } }
        if integer(.force) == 1 { return .revoke(nil) }
        guard let names = text(.revoked), !names.isEmpty else { return nil }
        return .revoke(Set(names.split(separator: ",").map(String.init)))
    }
}
