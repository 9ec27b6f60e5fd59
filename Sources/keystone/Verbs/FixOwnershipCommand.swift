import SandboxController

/// `fix-ownership [NAME] [PATH…]`.
enum FixOwnershipCommand {
    static let dryRun = Option.flag("dry-run", short: "n", "Change nothing; say what would be changed")

    static var command: Command {
        Command(
            "fix-ownership", summary: "Make the project's files belong to the guest's user",
            surface: {
                Surface(
                    positionals: [
                        Positional("NAME", "The sandbox (default: that of the project you stand in)"),
                        Positional(
                            "PATH", repeats: true,
                            "Only this and what is below it, relative to the project (default: everything)"),
                    ],
                    options: [dryRun],
                    discussion: [
                        "On a `mapped` share (root on the host) files that other users of the host made belong to the wrong user in the guest. This gives every entry the owner of the project's folder there; on the host owners and modes stay as they are. On a `none` share owners are right by construction and nothing is done.",
                        "The sandbox need not run. The first argument is the NAME where a sandbox of that name exists, else a PATH; behind `--` all are PATHs. Links are never followed and other mounts never entered.",
                    ],
                    examples: [
                        .init("fix-ownership", "The whole project you stand in"),
                        .init("fix-ownership app --dry-run", "What would be changed for the one named app"),
                        .init("fix-ownership app src/lib.c build", "Only these two"),
                        .init("fix-ownership -- app", "What is called app in the project you stand in"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let (name, words) = try target(invocation)
        let status = try invocation.controller.status(name)
        let project = status.record.project
        var paths: [ProjectPath] = []
        for word in words { paths.append(try ProjectPath(word.bytes, project: project)) }
        let report = try Ownership.fix(
            project: project, security: Ownership.security(of: status), paths: paths,
            isDryRun: invocation.arguments.has(dryRun))
        try StandardStream.result(
            invocation.globals.json
                ? JSONText.of(OwnershipDocument(report, sandbox: name)) : OwnershipText.of(report, sandbox: name))
        if let sentence = report.sentence {
            throw ControllerError(
                .permission, sentence, advice: report.sortedProblems.first?.kind.advice(owner: report.owner))
        }
        return ExitCode.success.rawValue
    }

    /// The sandbox meant, and the words that are paths in it.
    private static func target(_ invocation: Invocation) throws(ControllerError) -> (name: String, paths: [Word]) {
        let words = invocation.arguments.positionals
        let places = try invocation.registry.places()
        if let first = words.first, invocation.arguments.positionalsBeforeSeparator > 0,
            places.contains(where: { $0.name == first.text })
        {
            return (first.text, Array(words.dropFirst()))
        }
        return (try DefaultSandbox.find(from: Folder.current(), among: places).name, words)
    }
}
