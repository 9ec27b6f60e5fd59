import Glibc
import SandboxController

/// `list`.
enum ListCommand {
    static let state = Option.value(
        "state", "STATE", repeats: true, suggests: .words(states),
        "Only those in this state; may be given more than once")
    static let states = ["created", "starting", "running", "stopping", "stopped", "error"]

    static var command: Command {
        Command(
            "list", aliases: ["ls"], summary: "List the sandboxes",
            surface: {
                Surface(
                    options: [state],
                    discussion: [
                        "States: \(states.joined(separator: ", ")). Each is checked against the truth before it is shown."
                    ],
                    examples: [
                        .init("list", "All of them"),
                        .init("list --state running --json", "Those that run, for a script"),
                    ],
                    exitCodes: [.success, .failure, .usage], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let wanted = invocation.arguments.all(state).map(\.text)
        if let wrong = wanted.first(where: { !states.contains($0) }) {
            throw ControllerError(
                .usage, "--state \(PrintableText.quoted(wrong)) is no state.",
                advice: Similarity.closest(to: wrong, among: states).map { "Did you mean \($0)?" }
                    ?? "There are \(states.joined(separator: ", ")).")
        }
        _ = try invocation.registry.read()  // Says it when the registry had to be made again.
        let all = try invocation.controller.list().filter { wanted.isEmpty || wanted.contains($0.state.word) }
        if invocation.globals.json {
            try StandardStream.result(StatusDocument.json(all))
        } else if all.isEmpty {
            invocation.messages.note(
                wanted.isEmpty
                    ? "there is no sandbox yet; `\(invocation.program) start` makes one" : "there is no such sandbox")
        } else {
            let style = TextStyle(descriptor: STDOUT_FILENO)
            try StandardStream.result(
                HelpTable.columns(
                    [["NAME", "STATE", "UPTIME", "MEMORY", "CPUS", "PROJECT"]] + all.map(row), style: style))
        }
        return ExitCode.success.rawValue
    }

    private static func row(_ status: SandboxStatus) -> [String] {
        let settings = status.record.settings
        return [
            status.record.name, status.state.word, status.uptimeSeconds.map { DurationText.text(seconds: $0) } ?? "-",
            MemorySize.text(mebibytes: settings.memoryMebibytes), "\(settings.processors)",
            PrintableText.escaped(status.record.project),
        ]
    }
}
