import FoundationEssentials
import Glibc
import SandboxController

/// `tokens list [NAME]`.
enum TokenListCommand {
    static var command: Command {
        Command(
            "list", aliases: ["ls"], summary: "List the tokens in a sandbox, without their values",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    discussion: [
                        "Of a value its last four characters are shown at most, and never more than a quarter of it."
                    ],
                    examples: [
                        .init("list", "Those in the sandbox of the project you stand in"),
                        .init("list app --json", "Those in the one named app, for a script"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState], showsJSON: true)
            },
            run: { (invocation) throws(ControllerError) in
                let name = try invocation.sandboxName()
                try show(try invocation.controller.tokens(name), of: name, invocation)
                return ExitCode.success.rawValue
            })
    }

    static func show(_ tokens: [TokenListing], of name: String, _ invocation: Invocation) throws(ControllerError) {
        if invocation.globals.json { return try StandardStream.result(JSONText.of(tokens.map(TokenDocument.init))) }
        guard !tokens.isEmpty else { return invocation.messages.note("no token is in sandbox \(name)") }
        try StandardStream.result(
            HelpTable.columns(
                [["TOKEN", "VALUE", "AGE", "AS", "SOURCE"]] + tokens.map(row),
                style: TextStyle(descriptor: STDOUT_FILENO)))
    }

    private static func row(_ token: TokenListing) -> [String] {
        [
            PrintableText.escaped(token.name), PrintableText.escaped(token.masked),
            DurationText.text(seconds: token.ageSeconds), token.isVariable ? "variable, file" : "file",
            PrintableText.escaped(token.source),
        ]
    }
}

extension TokenListing {
    fileprivate var ageSeconds: Double { max(0, Date().timeIntervalSince(readAt)) }
}

/// A token as `--json` shows it.
private struct TokenDocument: Encodable {
    let name: String
    let source: String
    let readAt: Date
    let ageSeconds: Int
    let masked: String
    let isVariable: Bool

    init(_ token: TokenListing) {
        (name, source, readAt) = (token.name, token.source, token.readAt)
        (ageSeconds, masked, isVariable) = (Int(token.ageSeconds), token.masked, token.isVariable)
    }
}
