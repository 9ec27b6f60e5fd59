import SandboxController

/// `restart [NAME]`: stop when it runs, then start as it was made.
enum RestartCommand {
    static let startTimeout = Option.value(
        "timeout", "TIME", "Give up when it isn't ready after this long (default: 120s)")

    static var command: Command {
        Command(
            "restart", summary: "Stop a sandbox and start it again",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [
                        StopCommand.force, startTimeout, SessionVariables.entry, SessionVariables.file,
                        TokenCommands.without,
                    ],
                    discussion: [
                        "It starts with the settings it was made with. A sandbox that does not run is just started.",
                        "A sandbox that runs keeps the variables it was started with, and those of --env and --env-file are added. They are written down nowhere: one that had stopped has to be given them again. Tokens are read from their sources again; what `tokens set` gave is gone.",
                    ],
                    examples: [
                        .init("restart", "Restart the sandbox of the project you stand in"),
                        .init("restart app --force", "Restart app without asking its guest to power off"),
                    ],
                    exitCodes: [
                        .success, .failure, .usage, .noSuchSandbox, .image, .resources, .busy, .timeout, .cancelled,
                    ],
                    showsJSON: true)
            },
            run: { (invocation) throws(ControllerError) in
                var seconds = StartRequest.defaultTimeoutSeconds
                if let text = invocation.arguments.last(startTimeout)?.text {
                    seconds = try DurationText.seconds(text, source: "--timeout")
                }
                let name = try invocation.sandboxName()
                let record = try invocation.registry.requireRecord(named: name)
                // Before anything is stopped: a source may fail.
                let configuration = try Configuration.read(environment: invocation.environment)
                let tokens = try TokenCommands.read(invocation, configuration)
                let runs = try invocation.controller.status(name).state.needsMonitor
                let variables = try SessionVariables.read(
                    invocation, onto: runs ? kept(name, invocation) : SessionEnvironment())
                if runs {
                    let force = invocation.arguments.has(StopCommand.force)
                    try StopCommand.stop(name, StopOptions(force: force, keeps: true), invocation)
                }
                var request = StartRequest(
                    name: name, project: record.project, settings: record.settings, timeoutSeconds: seconds)
                request.environment = variables
                (request.tokens, request.environmentFiles) = (tokens, configuration.environmentFiles)
                let status = try Starting.run(request, invocation)
                if invocation.globals.json { try StandardStream.result(StatusDocument.json(status)) }
                return ExitCode.success.rawValue
            })
    }

    /// A monitor that does not answer is a reason to restart, not one against it.
    private static func kept(_ name: String, _ invocation: Invocation) -> SessionEnvironment {
        do throws(ControllerError) { return try invocation.controller.environment(of: name) } catch {
            invocation.messages.warning(
                "what variables sandbox \(name) was started with can't be learnt any more, so it has those alone that are given now"
            )
            return SessionEnvironment()
        }
    }
}
