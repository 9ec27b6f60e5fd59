import Glibc
import SandboxController

/// `tokens set TOKEN`: the value comes from stdin, never from the command line, which everybody on the host can read.
enum TokenSetCommand {
    static var command: Command {
        Command(
            "set", summary: "Give a sandbox a token that is typed or piped in",
            surface: {
                Surface(
                    positionals: [
                        Positional("TOKEN", required: true, "What the token is called, as a variable and a file")
                    ],
                    options: [TokenCommands.sandbox],
                    discussion: [
                        "On a terminal you are asked for the value, which is not shown; else it is read from stdin to its end, without one line feed at its end. Up to 64 KiB; a value with NUL bytes becomes a file only.",
                        "It is kept in the monitor's memory for as long as the sandbox runs. For good, name a source in config.json.",
                    ],
                    examples: [
                        .init("set GITHUB_TOKEN", "Ask for it"),
                        .init("set GITHUB_TOKEN --sandbox app < token", "Take it from a file, for the sandbox app"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState, .timeout, .cancelled],
                    showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let words = invocation.arguments.positionals
        guard words.count == 1, let word = words.first else { throw ControllerError(.usage, "One TOKEN is needed.") }
        guard !word.bytes.contains(UInt8(ascii: "=")) else {
            throw ControllerError(
                .usage, "A token's value can't be on the command line, where everybody on this host can read it.",
                advice: "Write the name alone; the value is asked for, or read from stdin.")
        }
        try TokenNames.validate(word.text, source: "TOKEN")
        let name = try TokenCommands.sandboxName(invocation)
        // Nobody types a secret to be told then that nothing runs.
        _ = try invocation.controller.tokens(name)
        let set = try SecretInput.token(named: word.text, invocation)
        try TokenCommands.give(
            set, to: name,
            summary: "\(word.text) is in sandbox \(name); commands that run already keep what they have", invocation)
        return ExitCode.success.rawValue
    }
}
