import AgentProtocol
import Glibc
import SandboxController

/// `exec [NAME] -- CMD...`: runs a command in a sandbox as if it ran here.
///
/// Every microsecond of this path is paid for each command: no JSON, and no file is read when NAME is given.
enum ExecCommand {
    static let name = "exec"
    static let interactive = Option.flag("interactive", short: "i", "Feed this program's stdin to the command")
    static let terminal = Option.flag("tty", short: "t", "Give the command a terminal")
    static let environment = Option.value(
        "env", "NAME[=VALUE]", short: "e", repeats: true, "Set a variable; NAME alone passes the value it has here")
    static let directory = Option.value(
        "cwd", "DIR", short: "w", "Run in this folder of the guest (default: /workspace)")
    static let user = Option.value("user", "USER[:GROUP]", short: "u", "Run as this user of the guest")
    static let worktree = Option.value("worktree", "BRANCH", "Run in /workspace/.worktrees/BRANCH")
    static let timeout = Option.value("timeout", "TIME", "End the command after this long: 90, 500ms, 5m, 1h30m")
    static let withoutTokens = Option.flag("no-tokens", "Leave the sandbox's tokens out of the command's environment")
    static let detach = Option.flag("detach", short: "d", "Don't wait: print the session's id and let it run on")

    static var command: Command {
        Command(
            name, summary: "Run a command in a sandbox",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    trailing: "CMD...",
                    options: [
                        interactive, terminal, environment, directory, user, worktree, timeout, detach, withoutTokens,
                    ],
                    discussion: [
                        "The command's words are passed as they are; no shell comes in between. stdout, stderr, signals and the exit code are the command's own: 128 + N when signal N ended it.",
                        "On a terminal, -it is the default. Elsewhere the command's stdin is /dev/null unless -i is given.",
                    ],
                    examples: [
                        .init("exec -- make test", "In the sandbox of the project you stand in"),
                        .init("exec app -- sh -c 'ls | wc -l'", "In the one named app, with a shell for the pipe"),
                        .init("exec -i -- tar x < files.tar", "Feed stdin to the command"),
                        .init("exec -e CI=1 -e GITHUB_TOKEN -w /tmp -- env", "With variables, in another folder"),
                        .init("exec --timeout 5m -- ./slow", "End it after five minutes"),
                    ],
                    exitCodes: [.timeout, .execFailure, .notExecutable, .notFound])
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let arguments = invocation.arguments
        let (wantsInput, wantsTerminal) = (arguments.has(interactive), arguments.has(terminal))
        if arguments.has(detach), wantsInput || wantsTerminal {
            throw ControllerError(.usage, "A detached command (-d) can't have our stdin (-i) or a terminal (-t).")
        }
        var streams = ExecStreams(input: false, terminal: false)
        if !arguments.has(detach) {
            streams = .choose(
                interactive: wantsInput, terminal: wantsTerminal,
                stdinIsTerminal: StandardStream.isTerminal(STDIN_FILENO),
                stdoutIsTerminal: StandardStream.isTerminal(STDOUT_FILENO))
        }
        if let refusal = streams.refusal { invocation.messages.warning(refusal) }
        return try run(
            arguments.trailing, in: try invocation.sandboxName(), streams: streams, options: arguments, invocation)
    }

    /// - Parameter options: those of `exec`; none where another command runs something in a sandbox, since names such as
    ///   `--timeout` mean something else there.
    /// - Returns: what our process exits with.
    static func run(
        _ words: [Word], in sandbox: String, streams: ExecStreams, options arguments: ParsedArguments,
        _ invocation: Invocation
    ) throws(ControllerError) -> Int32 {
        let request = try request(words, streams, arguments, invocation)
        let (connection, receipt) = try GuestConnection.open(for: request, sandbox: sandbox, in: invocation.directory)
        let options = ExecClientOptions(
            interactive: streams.input, terminal: streams.terminal, quiet: invocation.globals.verbosity == .quiet)
        return try ExecClient.run(
            connection, request: request, options: options, in: invocation.directory, receipt: receipt)
    }

    private static func request(
        _ words: [Word], _ streams: ExecStreams, _ arguments: ParsedArguments, _ invocation: Invocation
    ) throws(ControllerError) -> ExecRequest {
        guard let program = words.first, !program.bytes.isEmpty else {
            throw ControllerError(.usage, "The command's name is empty.", advice: "Write it behind \"--\".")
        }
        if let long = words.first(where: { $0.bytes.count >= Limits.argumentBytes }) {
            throw ControllerError(
                .usage,
                "An argument has \(long.bytes.count) bytes, more than the \(Limits.argumentBytes - 1) that Linux takes."
            )
        }
        var request = ExecRequest(arguments: words.map(\.bytes))
        request.environment = try variables(streams, arguments, invocation)
        request.directory = try folder(arguments)
        if let word = arguments.last(user) {
            guard !word.bytes.isEmpty, word.bytes.count <= 256 else {
                throw ControllerError(.usage, "--user needs the name or number of a user.")
            }
            request.user = word.text
        }
        if streams.terminal {
            request.terminal = TerminalSize.current() ?? ExecRequest.TerminalSize(rows: 24, columns: 80)
        }
        request.standardInput = streams.input ? .stream : .none
        if let word = arguments.last(timeout) {
            request.timeoutMilliseconds = UInt64(try DurationText.milliseconds(word.text, source: "--timeout"))
        }
        request.detached = arguments.has(detach)
        request.withholdsTokens = arguments.has(withoutTokens)
        return request
    }

    /// With a terminal the guest must know what kind it is; what -e says comes later and wins.
    private static func variables(_ streams: ExecStreams, _ arguments: ParsedArguments, _ invocation: Invocation)
        throws(ControllerError) -> [[UInt8]]
    {
        var entries: [[UInt8]] = []
        if streams.terminal {
            for name in ["TERM", "COLORTERM"] {
                if let value = invocation.variable(name), !value.isEmpty {
                    entries.append(Array("\(name)=\(value)".utf8))
                }
            }
        }
        for word in arguments.all(environment) {
            if let entry = try EnvironmentEntry.bytes(word) {
                entries.append(entry)
            } else {
                invocation.messages.warning("\(word.text) is not set here, so it is not passed")
            }
        }
        return entries
    }

    private static func folder(_ arguments: ParsedArguments) throws(ControllerError) -> String? {
        let given = arguments.last(directory)
        if let given, given.bytes.isEmpty || given.bytes.count > 4096 {
            throw ControllerError(.usage, "--cwd needs the path of a folder in the guest.")
        }
        guard let branch = arguments.last(worktree)?.text else { return given?.text }
        let top = try BranchName.worktree(branch)
        guard let given else { return top }
        guard !given.text.hasPrefix("/") else {
            throw ControllerError(
                .usage, "--worktree and an absolute --cwd contradict each other.",
                advice: "Leave one out, or give a --cwd inside the work tree.")
        }
        return top + "/" + given.text
    }
}
