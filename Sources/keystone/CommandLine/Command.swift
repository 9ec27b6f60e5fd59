import SandboxController

/// A command or a group of them. Name and summary are at hand; the rest is made only for the one command that runs or
/// shows its help, so a large tree costs nothing at start.
struct Command: Sendable {
    let name: String
    let aliases: [String]
    /// One line, no full stop.
    let summary: String
    /// What there is below; empty for a command that runs.
    let subcommands: [Command]
    let makeSurface: @Sendable () -> Surface
    let run: @Sendable (Invocation) throws(ControllerError) -> Int32

    /// A command that runs.
    init(
        _ name: String, aliases: [String] = [], summary: String, surface: @escaping @Sendable () -> Surface,
        run: @escaping @Sendable (Invocation) throws(ControllerError) -> Int32
    ) {
        self.name = name
        self.aliases = aliases
        self.summary = summary
        self.subcommands = []
        self.makeSurface = surface
        self.run = run
    }

    /// A group. Running it without a command is a mistake that the parser has told before.
    init(_ name: String, summary: String, subcommands: [Command], surface: @escaping @Sendable () -> Surface) {
        self.name = name
        self.aliases = []
        self.summary = summary
        self.subcommands = subcommands
        self.makeSurface = surface
        self.run = { (_) throws(ControllerError) in throw ControllerError(.usage, "\(name) needs a command.") }
    }

    func subcommand(_ name: String) -> Command? {
        subcommands.first { $0.name == name || $0.aliases.contains(name) }
    }
}

/// All that a command accepts, and what its help says.
struct Surface: Sendable {
    struct Example: Sendable {
        let line: String
        let meaning: String
        init(_ line: String, _ meaning: String) {
            self.line = line
            self.meaning = meaning
        }
    }

    var positionals: [Positional] = []
    /// What must follow `--`, such as `CMD...`; nil where nothing may.
    var trailing: String?
    var options: [Option] = []
    /// Paragraphs for help; empty when the summary says it all.
    var discussion: [String] = []
    /// Lines as they are typed after the name of the group that the command is in.
    var examples: [Example] = []
    /// What it may exit with, in the order of help.
    var exitCodes: [ExitCode] = []
    /// For the few commands whose codes are of another table: number and meaning.
    var otherCodes: [(Int32, String)] = []
    /// Whether `--json` means something here.
    var showsJSON = false
}
