import Glibc
import SandboxController

/// `health [NAME]`.
enum HealthCommand {
    static let name = "health"
    static let watch = Option.flag(
        "watch", short: "w", "Go on, and tell each change, until Ctrl-C or the sandbox stops")
    static let everything = Option.flag("all", short: "a", "All sandboxes")
    static let prometheus = Option.flag("prometheus", "Print metrics in Prometheus' text format")

    static var command: Command {
        Command(
            name, summary: "Say how a sandbox's guest is",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [watch, everything, prometheus],
                    discussion: [
                        "The guest's agent reports by itself when something changes, and every 15 s; what is shown is its last word, so nobody has to wait for the guest. Once a minute, unless a command has just run, the sandbox's monitor runs one that does nothing: a guest that reports and can't run commands is unresponsive.",
                        "The first line and the exit code are made for monitoring systems. With --all the exit code is that of the worst one that runs.",
                    ],
                    examples: [
                        .init("health", "The sandbox of the project you stand in"),
                        .init("health app --watch --json", "Each change as a line of JSON"),
                        .init("health --all --prometheus", "Metrics, for node_exporter's textfile collector"),
                    ],
                    otherCodes: HealthExit.allCases.map { ($0.rawValue, $0.meaning) }, showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let arguments = invocation.arguments
        if arguments.has(prometheus), arguments.has(watch) || invocation.globals.json {
            throw ControllerError(.usage, "--prometheus prints its own format, once: without --watch and --json.")
        }
        if arguments.has(everything) {
            guard arguments.positionals.isEmpty else {
                throw ControllerError(.usage, "--all and a NAME contradict each other.", advice: "Leave one out.")
            }
            if arguments.has(watch) {
                throw ControllerError(.usage, "--watch follows one sandbox, not --all.", advice: "Name one.")
            }
            return try showAll(invocation)
        }
        let name = try invocation.sandboxName()
        if arguments.has(watch) { return try HealthWatch.run(name, invocation) }
        let health = try invocation.controller.health(name)
        if arguments.has(prometheus) {
            try StandardStream.result(HealthMetrics.text([health]))
        } else if invocation.globals.json {
            try StandardStream.result(JSONText.of(HealthDocument(health)))
        } else {
            try StandardStream.result(HealthLines.of(health, TextStyle(descriptor: STDOUT_FILENO)))
        }
        return HealthExit(health).rawValue
    }

    private static func showAll(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let all = try invocation.controller.healthOfAll()
        if invocation.arguments.has(prometheus) {
            try StandardStream.result(HealthMetrics.text(all))
        } else if invocation.globals.json {
            try StandardStream.result(JSONText.of(all.map(HealthDocument.init)))
        } else if all.isEmpty {
            invocation.messages.note("there is no sandbox yet; `\(invocation.program) start` makes one")
        } else {
            let style = TextStyle(descriptor: STDOUT_FILENO)
            let rows = all.map { [$0.name, $0.word, HealthLines.why($0)] }
            try StandardStream.result(HelpTable.columns([["NAME", "HEALTH", "WHY"]] + rows, style: style))
        }
        return HealthExit(all).rawValue
    }
}
