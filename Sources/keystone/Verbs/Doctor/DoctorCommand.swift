import Glibc
import SandboxController

/// `doctor`.
enum DoctorCommand {
    static var command: Command {
        Command(
            "doctor", summary: "Check that this host has what sandboxes need",
            surface: {
                Surface(
                    discussion: [
                        "Each check tells what was found and, where something could be better, what it means and what to type. `missing` is what no sandbox can start without; `warning` makes sandboxes slower or poorer; `note` is worth knowing.",
                        "It changes nothing. The exit code is 1 when something needed is missing, else 0.",
                    ],
                    examples: [
                        .init("doctor", "Look at everything"),
                        .init("doctor --quiet", "Show only what is not as it should be"),
                        .init("doctor --json", "For a script"),
                    ],
                    exitCodes: [.success, .failure, .usage], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let host = DoctorHost(directory: invocation.directory, environment: invocation.environment)
        let findings = Doctor(host).examine()
        let isWell = !findings.contains { $0.level == .missing }
        if invocation.globals.json {
            try StandardStream.result(JSONText.of(DoctorDocument(healthy: isWell, checks: findings)))
        } else {
            let shown = findings.filter { invocation.globals.verbosity > .quiet || $0.level != .ok }
            try StandardStream.result(DoctorText.of(shown, TextStyle(descriptor: STDOUT_FILENO)))
            invocation.messages.note(DoctorText.summary(findings))
        }
        return (isWell ? ExitCode.success : .failure).rawValue
    }
}

/// What `doctor --json` shows.
struct DoctorDocument: Encodable {
    /// Whether nothing needed is missing.
    let healthy: Bool
    let checks: [Finding]
}
