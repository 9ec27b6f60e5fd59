import Glibc
import SandboxController

/// `prune`.
enum PruneCommand {
    static let force = Option.flag("force", short: "f", "Don't ask")
    static let dryRun = Option.flag("dry-run", short: "n", "Only show what would be removed")
    static let everything = Option.flag(
        "all", short: "a", "Also sandboxes that were never started, and images that have a name")
    static let older = Option.value("older", "TIME", "Only sandboxes that haven't run for this long: 12h, 168h")
    static let onlySandboxes = Option.flag("sandboxes", "Only sandboxes")
    static let onlyImages = Option.flag("images", "Only images")

    static var command: Command {
        Command(
            "prune", summary: "Remove sandboxes that don't run and images that nothing uses",
            surface: {
                Surface(
                    options: [dryRun, force, everything, older, onlySandboxes, onlyImages],
                    discussion: [
                        "Removes sandboxes that are stopped, ended with an error, or whose project's folder is gone, and then images that no sandbox is left for and that have no name. What runs stays. No project's folder is touched: only what a sandbox kept in its own goes.",
                        "It asks before it removes anything, unless --force is given.",
                    ],
                    examples: [
                        .init("prune --dry-run", "See what would be removed"),
                        .init("prune", "Remove it, after a question"),
                        .init("prune --force --older 168h", "Without a question, what hasn't run for a week"),
                        .init("prune --images --all", "Every image that no sandbox uses"),
                    ],
                    exitCodes: [.success, .failure, .usage, .busy, .cancelled], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let scope = try scope(invocation.arguments)
        _ = try invocation.registry.read()  // Says it when the registry had to be made again.
        let found = try invocation.controller.prunable(scope)
        let isDry = invocation.arguments.has(dryRun)
        if isDry || found.isEmpty {
            try show(found, invocation, removed: false)
            if found.isEmpty { invocation.messages.note("there is nothing to remove") }
            return ExitCode.success.rawValue
        }
        if !invocation.arguments.has(force) { try ask(found, invocation) }
        var failures = 0
        let progress = StageProgress(invocation.messages)
        let removed: Prunable
        do throws(ControllerError) {
            removed = try invocation.controller.prune(found, scope, progress: progress) {
                failures += 1
                progress.warning($0.message)
            }
            progress.finish(nil)
        } catch {
            progress.finish(nil)
            throw error
        }
        try show(removed, invocation, removed: true)
        return (failures == 0 ? ExitCode.success : .failure).rawValue
    }

    private static func scope(_ arguments: ParsedArguments) throws(ControllerError) -> PruneScope {
        var scope = PruneScope()
        if arguments.has(onlySandboxes) || arguments.has(onlyImages) {
            scope.sandboxes = arguments.has(onlySandboxes)
            scope.images = arguments.has(onlyImages)
        }
        scope.everything = arguments.has(everything)
        if let text = arguments.last(older)?.text {
            scope.idleSeconds = Double(try DurationText.seconds(text, source: "--older"))
        }
        return scope
    }

    private static func ask(_ found: Prunable, _ invocation: Invocation) throws(ControllerError) {
        guard Question.canAsk(invocation) else {
            throw ControllerError(
                .usage, "There is nobody to ask whether \(PruneText.summary(found)) may be removed.",
                advice: "See what would go with --dry-run, then say --force.")
        }
        invocation.messages.note("these would be removed:")
        StandardStream.message(PruneText.table(found, .plain))
        guard Question.ask("Remove \(PruneText.summary(found))?") else {
            throw ControllerError(.cancelled, "Nothing was removed.")
        }
    }

    private static func show(_ found: Prunable, _ invocation: Invocation, removed: Bool) throws(ControllerError) {
        if invocation.globals.json {
            return try StandardStream.result(JSONText.of(PruneDocument(found, removed: removed)))
        }
        guard !found.isEmpty else { return }
        try StandardStream.result(PruneText.table(found, TextStyle(descriptor: STDOUT_FILENO)))
        invocation.messages.note("\(removed ? "removed" : "would remove") \(PruneText.summary(found))")
    }
}
