import SandboxController

/// `tokens list|set|rotate|revoke`.
enum TokenCommands {
    static let sandbox = Option.value(
        "sandbox", "NAME", suggests: .sandbox, "The sandbox (default: that of the project you stand in)")
    static let without = Option.flag("no-tokens", "Give no tokens to the sandbox")

    static var group: Command {
        Command(
            "tokens", summary: "Show, give and take away the API keys in a sandbox",
            subcommands: [
                TokenListCommand.command, TokenSetCommand.command, TokenRotateCommand.command,
                TokenRevokeCommand.command,
            ]
        ) {
            Surface(
                discussion: [
                    "`start` gives a sandbox the tokens that config.json names under \"tokens\", and these variables where they are set: \(TokenNames.known.joined(separator: ", ")). In the guest they are in memory alone: in the environment of its user's commands, and as files in /run/keystone/tokens."
                ],
                examples: [
                    .init("list", "What is in the sandbox of the project you stand in"),
                    .init("rotate", "Read all sources again"),
                    .init("revoke --all", "Take everything away"),
                ])
        }
    }

    /// The sandbox of `--sandbox`, or of the project we stand in.
    static func sandboxName(_ invocation: Invocation) throws(ControllerError) -> String {
        guard let word = invocation.arguments.last(sandbox) else {
            return try DefaultSandbox.find(from: Folder.current(), among: invocation.registry.places()).name
        }
        do throws(ControllerError) {
            try SandboxName.validate(word.text)
        } catch {
            throw ControllerError(.usage, error.message, advice: "`\(invocation.program) list` shows those there are.")
        }
        return word.text
    }

    /// Names as they were given, each once.
    static func names(_ invocation: Invocation) throws(ControllerError) -> [String] {
        var names: [String] = []
        for word in invocation.arguments.positionals where !names.contains(word.text) {
            try TokenNames.validate(word.text, source: "TOKEN")
            names.append(word.text)
        }
        return names
    }

    /// What `start` and `restart` give to the sandbox, from `config.json` and the environment.
    static func read(
        _ invocation: Invocation, _ configuration: Configuration
    ) throws(ControllerError) -> TokenSet {
        if invocation.arguments.has(without) { return TokenSet() }
        let messages = invocation.messages
        let set = try configuration.tokens.read(environment: invocation.environment) { messages.warning($0) }
        for clause in set.hindrances { messages.note(clause) }
        return set
    }

    /// Gives tokens to a running sandbox and says what came of it.
    /// - Parameter summary: a clause, where no JSON was asked for.
    static func give(
        _ set: TokenSet, to name: String, summary: String, _ invocation: Invocation
    ) throws(ControllerError) {
        let messages = invocation.messages
        let tokens = try invocation.controller.giveTokens(set, to: name, progress: PlainProgress(messages: messages))
        for clause in set.hindrances { messages.note(clause) }
        if invocation.globals.json {
            try TokenListCommand.show(tokens, of: name, invocation)
        } else {
            messages.note(summary)
        }
    }
}

/// Warnings and details of something that takes a moment, as sentences.
struct PlainProgress: ProgressReporter {
    let messages: Messages
    func stage(_ text: String) {}
    func warning(_ text: String) { messages.warning(text) }
    func detail(_ text: String) { messages.detail(text) }
}
