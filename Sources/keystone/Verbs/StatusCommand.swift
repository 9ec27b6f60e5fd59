import Glibc
import SandboxController

/// `status [NAME]`.
enum StatusCommand {
    static let everything = Option.flag("all", short: "a", "All sandboxes")
    static let watch = Option.flag(
        "watch", short: "w", "Show it anew with each change, until Ctrl-C or the sandbox stops")

    static var command: Command {
        Command(
            "status", summary: "Show how a sandbox is doing",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [everything, watch],
                    discussion: [
                        "The exit code says whether the sandbox could be looked at, not whether it runs: scripts read `state` from --json."
                    ],
                    examples: [
                        .init("status", "The sandbox of the project you stand in"),
                        .init("status app --json", "The one named app, for a script"),
                        .init("status --all", "All of them"),
                        .init("status --watch", "Live, as the guest reports"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let style = TextStyle(descriptor: STDOUT_FILENO)
        if invocation.arguments.has(everything) {
            guard invocation.arguments.positionals.isEmpty else {
                throw ControllerError(.usage, "--all and a NAME contradict each other.", advice: "Leave one out.")
            }
            if invocation.arguments.has(watch) {
                throw ControllerError(.usage, "--watch follows one sandbox, not --all.", advice: "Name one.")
            }
            _ = try invocation.registry.read()  // Says it when the registry had to be made again.
            let all = try invocation.controller.list()
            let controller = invocation.controller
            let health = all.map { controller.knownHealth(of: $0) }
            if invocation.globals.json {
                try StandardStream.result(StatusDocument.json(Array(zip(all, health))))
            } else if all.isEmpty {
                invocation.messages.note("there is no sandbox yet; `\(invocation.program) start` makes one")
            } else {
                try StandardStream.result(
                    zip(all, health).map { StatusText.of($0, invocation.directory, style, health: $1) }.joined(
                        separator: "\n"))
            }
        } else {
            let name = try invocation.registry.requireRecord(named: try invocation.sandboxName()).name
            if invocation.arguments.has(watch) { return try follow(name, invocation, style) }
            let status = try invocation.controller.status(name)
            try show(status, invocation.controller.knownHealth(of: status), invocation, style)
        }
        return ExitCode.success.rawValue
    }

    private static func show(
        _ status: SandboxStatus, _ health: SandboxHealth?, _ invocation: Invocation, _ style: TextStyle
    ) throws(ControllerError) {
        try StandardStream.result(
            invocation.globals.json
                ? StatusDocument.json(status, health)
                : StatusText.of(status, invocation.directory, style, health: health))
    }

    /// On a terminal in place; elsewhere one below the other, with an empty line between, or a line of JSON each.
    private static func follow(_ name: String, _ invocation: Invocation, _ style: TextStyle) throws(ControllerError)
        -> Int32
    {
        let controller = invocation.controller
        let isTerminal = StandardStream.isTerminal(STDOUT_FILENO)
        var isFirst = true
        func show(_ health: SandboxHealth?) throws(ControllerError) {
            let status = try controller.status(name)
            if invocation.globals.json {
                return try StandardStream.result(JSONText.line(StatusDocument(status, health)))
            }
            let text = StatusText.of(status, invocation.directory, style, health: health)
            // To the top left, and what is left of the last one away: without a moment of emptiness.
            let before = isTerminal ? (isFirst ? "\u{1B}[2J\u{1B}[H" : "\u{1B}[H") : (isFirst ? "" : "\n")
            let shown = isTerminal ? text.split(separator: "\n").map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J" : text
            isFirst = false
            try StandardStream.result(before + shown)
        }
        try controller.watchHealth(name) { (health) throws(ControllerError) in
            try show(health)
            return true
        }
        try show(nil)
        return ExitCode.success.rawValue
    }
}
