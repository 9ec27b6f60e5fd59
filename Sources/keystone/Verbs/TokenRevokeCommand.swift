import SandboxController

/// `tokens revoke TOKEN…|--all`.
enum TokenRevokeCommand {
    static let all = Option.flag("all", short: "a", "All tokens that are inside")

    static var command: Command {
        Command(
            "revoke", summary: "Take tokens away from a sandbox",
            surface: {
                Surface(
                    positionals: [Positional("TOKEN", repeats: true, "What to take away")],
                    options: [all, TokenCommands.sandbox],
                    discussion: [
                        "Their files are emptied and removed, and new commands don't get them. A command that runs already has them in its environment until it ends, and may have passed them on: what must not be used any more has to be made invalid where it was issued.",
                        "The next `start` gives them again, unless --no-tokens is said there.",
                    ],
                    examples: [
                        .init("revoke OPENAI_API_KEY", "One, from the sandbox of the project you stand in"),
                        .init("revoke --all --sandbox app", "All, from the sandbox app"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState, .timeout], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let names = try TokenCommands.names(invocation)
        let everything = invocation.arguments.has(all)
        guard everything != !names.isEmpty else {
            throw ControllerError(
                .usage,
                everything ? "--all and a TOKEN contradict each other." : "It is not said which tokens to take away.",
                advice: everything ? "Leave one out." : "Name them, or write --all.")
        }
        let name = try TokenCommands.sandboxName(invocation)
        let left = try invocation.controller.revokeTokens(
            everything ? nil : names, of: name, progress: PlainProgress(messages: invocation.messages))
        if invocation.globals.json {
            try TokenListCommand.show(left, of: name, invocation)
        } else {
            let what = everything ? "every token" : names.joined(separator: ", ")
            invocation.messages.note(
                "\(what) is gone from sandbox \(name); commands that run already keep what they have")
        }
        return ExitCode.success.rawValue
    }
}
