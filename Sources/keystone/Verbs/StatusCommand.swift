import Glibc
import SandboxController

/// `status [NAME]`.
enum StatusCommand {
    static let everything = Option.flag("all", short: "a", "All sandboxes")

    static var command: Command {
        Command(
            "status", summary: "Show how a sandbox is doing",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [everything],
                    discussion: [
                        "The exit code says whether the sandbox could be looked at, not whether it runs: scripts read `state` from --json."
                    ],
                    examples: [
                        .init("status", "The sandbox of the project you stand in"),
                        .init("status app --json", "The one named app, for a script"),
                        .init("status --all", "All of them"),
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
            _ = try invocation.registry.read()  // Says it when the registry had to be made again.
            let all = try invocation.controller.list()
            if invocation.globals.json {
                try StandardStream.result(StatusDocument.json(all))
            } else if all.isEmpty {
                invocation.messages.note("there is no sandbox yet; `\(invocation.program) start` makes one")
            } else {
                try StandardStream.result(
                    all.map { StatusText.of($0, invocation.directory, style) }.joined(separator: "\n"))
            }
        } else {
            let name = try invocation.registry.requireRecord(named: try invocation.sandboxName()).name
            let status = try invocation.controller.status(name)
            try StandardStream.result(
                invocation.globals.json
                    ? StatusDocument.json(status) : StatusText.of(status, invocation.directory, style))
        }
        return ExitCode.success.rawValue
    }
}
