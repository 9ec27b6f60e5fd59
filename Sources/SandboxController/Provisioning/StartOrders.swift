/// What `start` tells a new monitor and nobody writes down: it travels over the start channel and lives in the monitor's
/// memory.
struct StartOrders: Sendable {
    var environment = SessionEnvironment()
    /// From the flags of this start.
    var git = GitOverride()
    var tokens = TokenSet()
    /// Patterns of the project's files of variables.
    var environmentFiles: [EnvironmentFilePattern] = []
    var provisions = true

    var message: ControlMessage {
        ControlMessage(.begin).with(.environment, environment.encoded()).with(.gitName, git.name)
            .with(.gitEmail, git.email).with(.tokens, tokens.encoded())
            .with(.environmentFiles, environmentFiles.flatMap { Array($0.text.utf8) + [0] })
            .with(.unprovisioned, provisions ? nil : "1")
    }

    init(
        environment: SessionEnvironment = SessionEnvironment(), git: GitOverride = GitOverride(),
        tokens: TokenSet = TokenSet(), environmentFiles: [EnvironmentFilePattern] = []
    ) {
        self.environment = environment
        self.git = git
        self.tokens = tokens
        self.environmentFiles = environmentFiles
    }

    /// - Returns: nil when the message is another.
    init?(_ message: ControlMessage) {
        guard message.kind == .begin else { return nil }
        environment = SessionEnvironment(encoded: message.bytes(.environment) ?? [])
        git = GitOverride(name: message.text(.gitName), email: message.text(.gitEmail))
        tokens = TokenSet(encoded: message.bytes(.tokens) ?? []) ?? TokenSet()
        environmentFiles = (message.bytes(.environmentFiles) ?? []).split(separator: 0).compactMap {
            EnvironmentFilePattern(String(decoding: $0, as: UTF8.self))
        }
        provisions = message.integer(.unprovisioned) != 1
    }
}
