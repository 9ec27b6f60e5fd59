import SandboxController

/// `tokens rotate [TOKEN…]`: reads the sources anew.
enum TokenRotateCommand {
    static var command: Command {
        Command(
            "rotate", summary: "Read the tokens' sources again and give a sandbox the new values",
            surface: {
                Surface(
                    positionals: [
                        Positional(
                            "TOKEN", repeats: true,
                            "Only these, also when they are not inside yet (default: all that are inside)")
                    ],
                    options: [TokenCommands.sandbox],
                    discussion: [
                        "Files in the guest are replaced in place and new commands get the new values at once; commands that run already keep what they have. Sources are config.json and the variables of the shell you type this in."
                    ],
                    examples: [
                        .init("rotate", "All tokens of the project you stand in"),
                        .init("rotate OPENAI_API_KEY --sandbox app", "One of them, in the sandbox app"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState, .timeout], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let asked = try TokenCommands.names(invocation)
        let name = try TokenCommands.sandboxName(invocation)
        let inside = try invocation.controller.tokens(name).map(\.name)
        let sources = try Configuration.read(environment: invocation.environment).tokens
        var wanted: [String] = []
        for token in asked.isEmpty ? inside : asked {
            if sources.source(of: token) != nil {
                wanted.append(token)
            } else if asked.isEmpty {
                invocation.messages.note("\(token) has no source that could be read again and stays as it is")
            } else {
                throw ControllerError(
                    .usage, "The token \(token) has no source on this host.",
                    advice:
                        "Name one under \"tokens\" in config.json, or give it with `\(invocation.program) tokens set`.")
            }
        }
        let messages = invocation.messages
        let set = try sources.read(wanted, environment: invocation.environment) { _ in }
        for token in wanted where !set.names.contains(token) {
            let sentence = "The variable for the token \(token) is not set here"
            guard asked.isEmpty else {
                throw ControllerError(
                    .usage, "\(sentence).", advice: "Set it, or give the token with `\(invocation.program) tokens set`."
                )
            }
            messages.warning("\(sentence), so the token stays as it is.")
        }
        guard !set.isEmpty else {
            if invocation.globals.json {
                try TokenListCommand.show(try invocation.controller.tokens(name), of: name, invocation)
            } else {
                messages.note("there is nothing to rotate in sandbox \(name)")
            }
            return ExitCode.success.rawValue
        }
        try TokenCommands.give(
            set, to: name, summary: "sandbox \(name) has \(set.names.joined(separator: ", ")) as read now", invocation)
        return ExitCode.success.rawValue
    }
}
