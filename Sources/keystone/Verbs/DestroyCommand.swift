import Glibc
import SandboxController

/// `destroy NAME`.
enum DestroyCommand {
    static let force = Option.flag("force", short: "f", "Don't ask, and end it when it runs")
    static let keepDisk = Option.flag("keep-disk", "Forget the sandbox but leave its folder where it is")

    static var command: Command {
        Command(
            "destroy", aliases: ["rm"], summary: "Remove a sandbox and what it kept",
            surface: {
                Surface(
                    positionals: [Positional("NAME", required: true, "The sandbox; never guessed here")],
                    options: [force, keepDisk],
                    discussion: [
                        "The project's own folder is not touched. A sandbox that runs is removed only when you agree, or with --force."
                    ],
                    examples: [
                        .init("destroy app", "Remove the sandbox app"),
                        .init("destroy app --force", "Also when it runs, without a question"),
                        .init("destroy app --keep-disk", "Keep its logs and files"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState, .busy, .timeout, .cancelled])
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let name = try invocation.sandboxName()
        let state = try invocation.controller.status(name).state
        var force = invocation.arguments.has(force)
        if state.needsMonitor, !force, Question.canAsk(invocation) {
            guard Question.ask("Sandbox \(name) is \(state.word). Stop and remove it?") else {
                throw ControllerError(.cancelled, "Nothing was removed.")
            }
            force = true
        }
        let progress = StageProgress(invocation.messages)
        do throws(ControllerError) {
            try invocation.controller.destroy(
                name, force: force, keepDisk: invocation.arguments.has(keepDisk), progress: progress)
        } catch {
            progress.finish(nil)
            throw error
        }
        progress.finish("sandbox \(name) is removed")
        if invocation.arguments.has(keepDisk) {
            invocation.messages.note("its files are kept in \(invocation.directory.sandboxFolder(name))")
        }
        return ExitCode.success.rawValue
    }
}
