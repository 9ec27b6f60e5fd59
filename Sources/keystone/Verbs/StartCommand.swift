import Glibc
import SandboxController

/// `start [PATH]`: from a project to a sandbox that is ready.
enum StartCommand {
    static var command: Command {
        Command(
            "start", summary: "Start a sandbox for a project",
            surface: {
                Surface(
                    positionals: [Positional("PATH", "A folder of the project (default: where you stand)")],
                    options: StartOptions.all,
                    discussion: [
                        "Boots a virtual machine that has the project at /workspace, and returns when commands can be run in it. On a terminal it then opens a shell there; leaving the shell leaves the sandbox running.",
                        "Settings are kept with the sandbox. What counts, first to last: options, KEYSTONE_AGENT_MEMORY and KEYSTONE_AGENT_VCPUS, what the sandbox was made with, config.json, the defaults.",
                        "Variables of --env and --env-file are set in every command, also after the guest's agent had to be restarted. They are kept in memory alone: `restart` keeps them, and the next `start` has to be given them again.",
                        "API keys: those of `tokens` in config.json, and ANTHROPIC_API_KEY and its like where they are set here, are given to the guest's user, in memory alone; --no-tokens gives none. `tokens --help` says more. Files of variables of the project (`envFiles` in config.json, such as .env) set what nothing else sets.",
                        "Commits in the guest are by whoever `git` says in the project. What counts, first to last: --git-name and --git-email, GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, what the sandbox was made with, config.json (gitName, gitEmail), git's own configuration.",
                    ],
                    examples: [
                        .init("start", "Start the sandbox of the git project you stand in"),
                        .init("start --memory 4G --cpus 2 ~/src/app", "A smaller one, for another project"),
                        .init("start --name try-2 --no-attach", "A second one for the same project, without a shell"),
                        .init("start --fresh --network none", "Begin anew, without a network"),
                        .init("start --env CI=1 --env-file .env", "With variables for every command in it"),
                    ],
                    exitCodes: [
                        .success, .failure, .usage, .wrongState, .image, .resources, .busy, .timeout, .cancelled,
                    ],
                    showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let request = try StartPlan.request(invocation)
        let status = try Starting.run(request, invocation)
        if invocation.globals.json {
            try StandardStream.result(StatusDocument.json(status))
            return ExitCode.success.rawValue
        }
        if wantsShell(invocation) { try shell(request.name, invocation) }
        return ExitCode.success.rawValue
    }

    private static func wantsShell(_ invocation: Invocation) -> Bool {
        !invocation.arguments.has(StartOptions.noAttach) && !invocation.globals.noInput
            && StandardStream.isTerminal(STDIN_FILENO) && StandardStream.isTerminal(STDOUT_FILENO)
    }

    /// A login shell of the guest's user. What it exits with is its own affair: the start has succeeded.
    private static func shell(_ name: String, _ invocation: Invocation) throws(ControllerError) {
        let line: [Word] = ["/bin/sh", "-c", "exec \"${SHELL:-/bin/sh}\" -l"]
        _ = try ExecCommand.run(
            line, in: name, streams: ExecStreams(input: true, terminal: true), options: ParsedArguments(), invocation)
        invocation.messages.note(
            "sandbox \(name) runs on; `\(invocation.program) exec \(name) -- COMMAND` uses it, `\(invocation.program) stop \(name)` stops it"
        )
    }
}
