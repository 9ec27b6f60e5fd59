import AgentProtocol
import FoundationEssentials
import LinuxSystem

/// Who commits in a project on this host: what was said for the sandbox, else what git says there.
///
/// git runs in a folder that the guest can write, so it runs nothing of that folder's: `var` needs no hook, file monitor
/// or filter, and those it could start are switched off for whatever a later git does.
struct GitIdentityLookup {
    static let timeLimit = 5_000

    let project: String
    /// Given to this very start: before the environment.
    let flags: GitOverride
    /// What the sandbox was made with: behind the environment.
    let settings: GitOverride
    var environment = ProcessInfo.processInfo.environment
    var program: String?

    /// The identity, or nil and the sentence that says why there is none and how to get one.
    func find() -> (identity: ProvisionRequest.GitIdentity?, warning: String?) {
        let said = override
        if let name = said.name, let email = said.email { return (.init(name: name, email: email), nil) }
        guard let git = program ?? ProgramPath.locate("git", environment: environment) else {
            return (nil, Self.sentence("git is not installed on this host"))
        }
        do throws(ControllerError) {
            let outcome = try runner(git, said).run(deadline: .after(milliseconds: Self.timeLimit))
            guard outcome.succeeded else { return (nil, Self.sentence(Self.reason(outcome))) }
            guard let found = GitIdent.parse(outcome.output) else {
                return (nil, Self.sentence("its name or address has bytes that can't be passed on"))
            }
            // What was said arrives as it was said; git would take quotes off its ends.
            return (.init(name: said.name ?? found.name, email: said.email ?? found.email), nil)
        } catch {
            return (nil, Self.sentence(error.message))
        }
    }

    /// Flag, then environment (which git knows itself, so it is left open here), then the sandbox's settings.
    private var override: GitOverride {
        func isSet(_ name: String) -> Bool { environment[name].map { !$0.isEmpty } ?? false }
        let behind = GitOverride(
            name: isSet("GIT_AUTHOR_NAME") ? nil : settings.name,
            email: isSet("GIT_AUTHOR_EMAIL") ? nil : settings.email)
        return flags.filled(from: behind)
    }

    private func runner(_ git: String, _ said: GitOverride) -> ProgramRunner {
        let arguments = [
            "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", project, "var", "GIT_AUTHOR_IDENT",
        ]
        var runner = ProgramRunner(path: git, arguments: arguments)
        runner.environment = ["LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"]
        // So that git does not fail for want of what it is not asked for.
        runner.environment["GIT_AUTHOR_NAME"] = said.name
        runner.environment["GIT_AUTHOR_EMAIL"] = said.email
        // Of a hook or a rebase that `start` was called from: they name another repository, or a date that git can't read.
        runner.removedVariables = [
            "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_AUTHOR_DATE",
        ]
        runner.directory = "/"
        runner.output = .capture(limit: 8192)
        return runner
    }

    /// git explains over several lines; the last begins with `fatal:`.
    private static func reason(_ outcome: ProgramRunner.Outcome) -> String {
        let text = outcome.lastError
        return "git says: " + (text.hasPrefix("fatal: ") ? String(text.dropFirst(7)) : text)
    }

    private static func sentence(_ reason: String) -> String {
        "Commits in the guest will have no author: \(reason.hasSuffix(".") ? String(reason.dropLast()) : reason). Set one with `git config --global user.name` and `user.email`, or start with --git-name and --git-email."
    }
}
