import AgentProtocol
import Glibc
import SandboxController

/// `provision [NAME]`: makes a running guest ready again.
enum ProvisionCommand {
    static let only = Option.value(
        "only", "STEP", repeats: true, suggests: .words(ProvisionStep.allCases.map(\.name)),
        "Only this step; may be given more than once")

    static var command: Command {
        Command(
            "provision", summary: "Give a running sandbox its clock, user, git identity and keys again",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [only],
                    discussion: [
                        "`start` does the same before it returns. What is right already is left as it is, so it can be repeated at any time: after the git identity or the SSH keys of this host changed, say.",
                        "Steps, in the order in which they run: \(SandboxController.provisionSteps.joined(separator: ", ")).",
                    ],
                    examples: [
                        .init("provision", "All steps, in the sandbox of the project you stand in"),
                        .init("provision app --only git --only ssh-keys", "Two of them, in the one named app"),
                        .init("provision --only clock --json", "For a script"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState, .timeout], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let steps = invocation.arguments.all(only).map(\.text)
        if let wrong = steps.first(where: { !SandboxController.provisionSteps.contains($0) }) {
            throw ControllerError(
                .usage, "--only \(PrintableText.quoted(wrong)) is no step.",
                advice: Similarity.closest(to: wrong, among: SandboxController.provisionSteps).map {
                    "Did you mean \($0)?"
                } ?? "There are \(SandboxController.provisionSteps.joined(separator: ", ")).")
        }
        let name = try invocation.sandboxName()
        let records = try invocation.controller.provision(
            name, steps: steps, progress: PlainProgress(messages: invocation.messages))
        if invocation.globals.json {
            try StandardStream.result(JSONText.of(records))
        } else {
            let rows = records.map { record in
                [record.step, record.outcome, record.note].map(PrintableText.escaped).filter { !$0.isEmpty }
            }
            try StandardStream.result(
                HelpTable.columns(
                    [["STEP", "OUTCOME", "NOTE"]] + rows, style: TextStyle(descriptor: STDOUT_FILENO)))
        }
        return records.contains(where: \.failed) ? ExitCode.failure.rawValue : ExitCode.success.rawValue
    }
}
