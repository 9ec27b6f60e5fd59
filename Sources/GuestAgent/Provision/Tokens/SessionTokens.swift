import AgentProtocol

/// Tokens as sessions have them: variables of whoever they are for, and of nobody else.
struct SessionTokens: Equatable, Sendable {
    /// Whose sessions get them.
    let userID: UInt32
    let tokens: [ProvisionRequest.Token]

    /// `NAME=value` for a session of `userID`, without those that can't be in an environment.
    func entries(for userID: UInt32) -> [[UInt8]] {
        userID == self.userID ? tokens.compactMap(\.entry) : []
    }
}
