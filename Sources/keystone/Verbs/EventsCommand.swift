import Glibc
import SandboxController

/// `events [NAME]`.
enum EventsCommand {
    static let follow = Option.flag(
        "follow", short: "f", "Go on as events come, until Ctrl-C or the sandbox is destroyed")
    static let since = Option.value("since", "TIME", "Only later ones: 10m ago, or after 2026-11-21T19:00:00Z")

    /// Shown before what comes, by `-f` without `--since`.
    private static let recent = 10

    static var command: Command {
        Command(
            "events", summary: "Show what happened to a sandbox",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [follow, since],
                    discussion: [
                        "Starts and their stages, commands with their words, user, exit code and duration, steps of provisioning, names of tokens that were given or revoked, faults, changes of health, stops. Events of one boot have the same `start`, those of one command or one run of provisioning the same `id`.",
                        "With -f the last \(recent) come first, or those of --since. With --json each is a line as it is in events.jsonl. Old ones are dropped when there are more than 8 MiB; `destroy` and `start --fresh` remove all.",
                        "Kinds: \(EventKind.all.map(\.rawValue).joined(separator: ", ")).",
                    ],
                    examples: [
                        .init("events --since 1h", "The last hour of the project's sandbox"),
                        .init("events app -f --json", "For a script, as they come"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let name = try invocation.registry.requireRecord(named: try invocation.sandboxName()).name
        let start = try invocation.arguments.last(since).map { (word) throws(ControllerError) in
            try EventTime.since(word.text)
        }
        let follows = invocation.arguments.has(follow)
        // Before the first look, or what happens in between would be told with the next event only.
        let follower = follows ? try EventFollower(sandbox: name, in: invocation.directory) : nil
        let reader = EventReader(sandbox: name, in: invocation.directory)
        let style = TextStyle(descriptor: STDOUT_FILENO)
        func show(_ event: SandboxEvent) throws(ControllerError) {
            try StandardStream.result(invocation.globals.json ? event.line + "\n" : EventText.line(event, style))
        }
        var last: [SandboxEvent] = []
        try reader.read { (event) throws(ControllerError) in
            if let start, event.time < start { return }
            guard follows, start == nil else { return try show(event) }
            last.append(event)
            if last.count > recent { last.removeFirst() }
        }
        for event in last { try show(event) }
        guard let follower else { return ExitCode.success.rawValue }
        while follower.wait() { try reader.read { (event) throws(ControllerError) in try show(event) } }
        return ExitCode.success.rawValue
    }
}
