import AgentProtocol
import LinuxSystem

/// Gives the sandbox user the tokens of the request, and takes all others away: from new sessions at once, and from the
/// folder in memory. Kept nowhere else; no note and no log tells a value.
enum TokensStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        let tokens = request.tokens
        let user = try guest.user(request)
        var outcome = StepOutcome()
        // First of all, so that what is revoked is gone from new sessions whatever happens to the files.
        let given = tokens.isEmpty ? nil : SessionTokens(userID: user.userID, tokens: tokens)
        outcome.changed = guest.defaults.change { $0.tokens = given }
        if var folder = try TokenFolder(guest, isNeeded: !tokens.isEmpty) {
            try folder.hold(tokens, for: user)
            if folder.changed { outcome.changed = true }
        }
        guard !tokens.isEmpty else {
            if outcome.changed { outcome.note("No token is inside any more.") }
            return outcome
        }
        if outcome.changed { outcome.note("Inside: \(tokens.map(\.name).joined(separator: ", ")).") }
        for token in tokens {
            guard let hindrance = token.hindrance else { continue }
            outcome.note("\(token.name) is a file only, and no variable: \(hindrance).")
        }
        if hasSwap(guest) { outcome.note("The guest has swap, and may write what is in memory to it.") }
        return outcome
    }

    /// More than the heading in proc(5)'s `/proc/swaps`.
    private static func hasSwap(_ guest: ProvisionedGuest) -> Bool {
        guard guest.root.isOwn, let text = try? SmallFile.read("/proc/swaps") else { return false }
        return text.split(separator: UInt8(ascii: "\n")).count > 1
    }
}
