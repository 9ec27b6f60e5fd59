import Glibc

/// How a command's standard streams are joined to ours.
struct ExecStreams: Equatable, Sendable {
    /// Our stdin feeds the command; else it reads from `/dev/null`.
    var input: Bool
    /// The command gets a terminal.
    var terminal: Bool
    /// Why it gets none although one was asked for.
    var refusal: String?

    init(input: Bool, terminal: Bool, refusal: String? = nil) {
        self.input = input
        self.terminal = terminal
        self.refusal = refusal
    }

    /// - Without -i and -t: both where stdin and stdout are terminals, else neither.
    /// - With -t: a terminal only where stdin and stdout are terminals, since a terminal's bytes (line ends, echo,
    ///   stderr mixed in) would spoil a file or a pipe. As with ssh -t, the command runs all the same and it is said.
    static func choose(interactive: Bool, terminal: Bool, stdinIsTerminal: Bool, stdoutIsTerminal: Bool) -> ExecStreams
    {
        let both = stdinIsTerminal && stdoutIsTerminal
        guard interactive || terminal else { return ExecStreams(input: both, terminal: both) }
        if !terminal || both { return ExecStreams(input: interactive, terminal: terminal) }
        let which = stdinIsTerminal ? "stdout is" : stdoutIsTerminal ? "stdin is" : "stdin and stdout are"
        return ExecStreams(
            input: interactive, terminal: false,
            refusal: "the command gets no terminal (-t), because \(which) not one here")
    }
}
