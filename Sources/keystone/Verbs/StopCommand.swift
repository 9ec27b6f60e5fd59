import SandboxController

/// `stop [NAME]`.
enum StopCommand {
    static let force = Option.flag("force", short: "f", "End the virtual machine at once, without asking the guest")
    static let timeout = Option.value(
        "timeout", "TIME", "How long the guest may take to power off before it is ended (default: 30s)")

    static var command: Command {
        Command(
            "stop", summary: "Stop a sandbox",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    options: [force, timeout],
                    discussion: [
                        "The guest powers itself off; when it takes too long it is ended. Returns when no process of the sandbox is left."
                    ],
                    examples: [
                        .init("stop", "Stop the sandbox of the project you stand in"),
                        .init("stop app --timeout 5s", "Give it five seconds to power off"),
                        .init("stop app --force", "End it at once"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState, .busy, .timeout])
            },
            run: { (invocation) throws(ControllerError) in
                let options = try options(invocation.arguments)
                let name = try invocation.sandboxName()
                try stop(name, options, invocation)
                return ExitCode.success.rawValue
            })
    }

    static func options(_ arguments: ParsedArguments) throws(ControllerError) -> StopOptions {
        var seconds = StopOptions.defaultTimeoutSeconds
        if let text = arguments.last(timeout)?.text { seconds = try DurationText.seconds(text, source: "--timeout") }
        return StopOptions(force: arguments.has(force), timeoutSeconds: seconds)
    }

    static func stop(_ name: String, _ options: StopOptions, _ invocation: Invocation) throws(ControllerError) {
        let progress = StageProgress(invocation.messages)
        do throws(ControllerError) {
            try invocation.controller.stop(name, options: options, progress: progress)
        } catch {
            progress.finish(nil)
            throw error
        }
        let isGone = (try? invocation.registry.read().contains { $0.name == name }) == false
        progress.finish("sandbox \(name) is stopped\(isGone ? " and removed" : "")")
    }
}
