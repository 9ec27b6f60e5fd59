import SandboxController

/// `fix-ownership [NAME] [PATH…]`.
enum FixOwnershipCommand {
    static let dryRun = Option.flag("dry-run", short: "n", "Change nothing; say what would be changed")
    static let verify = Option.flag("verify", "Let the guest's agent look at everything, however long it takes")
    static let guestPath = Option.value(
        "guest-path", "PATH", repeats: true,
        "Also this folder of the guest, on a mount of its own; may be given more than once")

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
                    options: [dryRun, verify, guestPath],
                    discussion: [
                        "On a `mapped` share (root on the host) files that other users of the host made belong to the wrong user in the guest. This gives every entry the owner of the project's folder there; on the host owners and modes stay as they are. On a `none` share owners are right by construction and nothing is done.",
                        "Where the sandbox runs, its agent then looks at the project for half a second and tells whether the guest agrees. With --verify it looks at everything, and it does so by itself where the host left something that it may be able to do (files of other host users, other mounts). It changes only what is wrong, by chown; set-user and set-group bits of such files are cleared by that, modes stay. Ctrl-C ends it; what was done stays done.",
                        "--guest-path is for shares that somebody else mounted in the guest, such as /mnt/data. The guest's root file system, /proc, /sys, /dev, /run, /boot, /nix and /tmp are refused. Device files, and files of system accounts that have a second name, are left alone.",
                        "The sandbox need not run without these two. A PATH is relative to the project, or absolute in it as the host (/home/me/app/src) or the guest (/workspace/src) knows it. The first argument is the NAME where a sandbox of that name exists, else a PATH; behind `--` all are PATHs. Links are never followed and other mounts never entered.",
                    ],
                    examples: [
                        .init("fix-ownership", "The whole project you stand in"),
                        .init("fix-ownership app --dry-run", "What would be changed for the one named app"),
                        .init("fix-ownership app src/lib.c build", "Only these two"),
                        .init("fix-ownership --verify", "And the guest's agent looks at all of it"),
                        .init("fix-ownership app --guest-path /mnt/data", "And a share of the guest's own"),
                        .init("fix-ownership -- app", "What is called app in the project you stand in"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let (name, words) = try target(invocation)
        var fix = OwnershipFix()
        let project = try invocation.controller.status(name).record.project
        for word in words { fix.paths.append(try ProjectPath(word.bytes, project: project)) }
        fix.isDryRun = invocation.arguments.has(dryRun)
        fix.verifies = invocation.arguments.has(verify)
        for word in invocation.arguments.all(guestPath) {
            guard word.bytes.first == UInt8(ascii: "/") else {
                throw ControllerError(.usage, "--guest-path \(PrintableText.quoted(word.text)) is not absolute.")
            }
            fix.guestPaths.append(word.bytes)
        }
        let report = try invocation.controller.fixOwnership(name, fix, progress: GlanceProgress(invocation.messages))
        try StandardStream.result(
            invocation.globals.json
                ? JSONText.of(OwnershipDocument(report, sandbox: name)) : OwnershipText.of(report, sandbox: name))
        if let note = report.guestNote { invocation.messages.warning(note) }
        if let sentence = report.sentence {
            let inGuest = report.guest.flatMap(\.sortedProblems).first?.kind.adviceInGuest(owner: report.owner)
            throw ControllerError(
                .permission, sentence,
                advice: inGuest ?? report.sortedProblems.first?.kind.advice(owner: report.owner))
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
