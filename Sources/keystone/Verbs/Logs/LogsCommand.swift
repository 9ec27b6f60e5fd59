import Glibc
import SandboxController

/// `logs [NAME]`.
enum LogsCommand {
    static let follow = Option.flag("follow", short: "f", "Go on with what is added, until the sandbox has ended")
    static let console = Option.flag("console", "Only the guest's console")
    static let agent = Option.flag("agent", "Only the guest's agent")
    static let events = Option.flag("events", "Only what the host did")
    static let unit = Option.value(
        "unit", "UNIT", short: "u", repeats: true, "Only this unit of the guest's systemd; may be given more than once")
    static let since = Option.value("since", "TIME", "Only what is newer: 10m, 1h30m, 2026-11-21, '2026-11-21 19:30'")
    static let tail = Option.value(
        "tail", "N", aliases: ["lines"], short: "n", "Only the last N lines; all for all (default)")

    static var command: Command {
        Command(
            "logs", summary: "Show what a sandbox and everything in it said",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [follow, tail, since, console, agent, unit, events],
                    discussion: [
                        "One timeline of what the host did (event), the guest's console, the guest's agent, the units of its systemd where it has one (read by journalctl in the guest, as root), QEMU and the vsock device (machine), and the sandbox's monitor. Lines of the console have the time at which the host got them. What a guest says is escaped.",
                        "A sandbox that doesn't run has its last logs, without those of units. Of each file the last 4 MiB are shown; they are in the folder that `status` names.",
                        "With --json it is one object a line.",
                    ],
                    examples: [
                        .init("logs", "All of it, for the project you stand in"),
                        .init("logs app -f --tail 20", "The last lines, then what comes"),
                        .init("logs --unit sshd --since 1h", "One unit of the guest, of the last hour"),
                        .init("logs --console", "What the guest's kernel said"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let query = try query(invocation.arguments)
        let name = try invocation.registry.requireRecord(named: try invocation.sandboxName()).name
        let text = LogText(TextStyle(descriptor: STDOUT_FILENO))
        let isJSON = invocation.globals.json
        let messages = invocation.messages
        let logs = try SandboxLogs(invocation.controller, name, query, notice: { messages.warning($0) }) { line in
            do throws(ControllerError) {
                try StandardStream.result(isJSON ? LogDocument(line).line : text.of(line))
            } catch {
                messages.error(error)
                exit(ExitCode(error.code).rawValue)
            }
        }
        try logs.show()
        if invocation.arguments.has(follow) { try logs.follow() }
        return ExitCode.success.rawValue
    }

    private static func query(_ arguments: ParsedArguments) throws(ControllerError) -> LogQuery {
        var query = LogQuery()
        var sources: Set<LogLine.Source> = []
        if arguments.has(console) { sources.insert(.console) }
        if arguments.has(agent) { sources.insert(.agent) }
        if arguments.has(events) { sources.insert(.event) }
        for word in arguments.all(unit) {
            guard word.looksLikeUnit else {
                throw ControllerError(.usage, "--unit \(PrintableText.quoted(word.text)) is not a unit's name.")
            }
            query.units.append(word.text)
            sources.formUnion([.unit, .agent])
        }
        if !sources.isEmpty { query.sources = sources }
        if let word = arguments.last(since) { query.since = try TimeText.parse(word.text, source: "--since") }
        if let word = arguments.last(tail), word != "all" {
            guard let count = Int(word.text), count >= 0, word.text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else {
                throw ControllerError(
                    .usage, "--tail \(PrintableText.quoted(word.text)) is not a number of lines.",
                    advice: "Write a number, or all.")
            }
            query.tail = count
        }
        return query
    }
}

extension Word {
    /// What systemd.unit(5) allows in a name, and its patterns.
    fileprivate var looksLikeUnit: Bool {
        (1...255).contains(bytes.count) && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
    }
}
