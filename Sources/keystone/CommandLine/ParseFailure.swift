import SandboxController

/// Why a command line was not understood.
enum ParseFailure: Equatable, Sendable {
    case missingCommand
    case unknownCommand(Word)
    /// As it was written, without its value.
    case unknownOption(String)
    case missingValue(Option.ID, next: Word?)
    case unexpectedValue(Option.ID)
    case missingArgument(String)
    case unexpectedArgument(Word)
    /// The words from the first that is not an option of the command, where `--` was needed.
    case missingSeparator(options: [Word], rest: [Word])
    /// Nothing to run behind (or without) `--`.
    case missingTrailing
    case nothingToFormat
}

extension Option {
    /// How a failure speaks of an option: as it was written (`-e`, `--env`), with what its value is called.
    struct ID: Equatable, Sendable {
        let spelling: String
        let placeholder: String
    }
}

extension Parse {
    /// The sentence for people.
    func error(_ failure: ParseFailure) -> ControllerError {
        let help = "See `\(commandLine) --help`."
        switch failure {
        case .missingCommand:
            return ControllerError(.usage, "\(commandLine) needs a command.", advice: help)
        case .unknownCommand(let word):
            let names = command.subcommands.flatMap { [$0.name] + $0.aliases }
            let near = Similarity.closest(to: word.text, among: names).map { "Did you mean `\(commandLine) \($0)`?" }
            return ControllerError(
                .usage, "\(PrintableText.quoted(word.text)) is not a command of \(commandLine).",
                advice: near ?? placeHint(word) ?? help)
        case .unknownOption(let spelling):
            return ControllerError(
                .usage, "\(commandLine) has no option \(PrintableText.escaped(spelling)).",
                advice: optionHint(spelling) ?? help)
        case .missingValue(let option, let next):
            var advice = help
            if let next, next.looksLikeOption, !next.isSeparator {
                advice =
                    "If \(PrintableText.escaped(next.text)) is the value, write `\(option.spelling)=\(PrintableText.escaped(next.shellQuoted))`."
            }
            return ControllerError(.usage, "\(option.spelling) needs a value (\(option.placeholder)).", advice: advice)
        case .unexpectedValue(let option):
            return ControllerError(.usage, "\(option.spelling) takes no value.", advice: help)
        case .missingArgument(let name):
            return ControllerError(.usage, "\(commandLine) needs a \(name).", advice: help)
        case .unexpectedArgument(let word):
            return ControllerError(
                .usage, "\(PrintableText.quoted(word.text)) is one argument too many for \(commandLine).", advice: help)
        case .missingSeparator(let options, let rest):
            let line = ([commandLine] + options.map(\.shellQuoted) + ["--"] + rest.map(\.shellQuoted)).joined(
                separator: " ")
            return ControllerError(
                .usage, "The command to run must come after \"--\".", advice: "Write `\(PrintableText.escaped(line))`.")
        case .missingTrailing:
            return ControllerError(.usage, "There is no command to run after \"--\".", advice: help)
        case .nothingToFormat:
            return ControllerError(
                .usage, "\(commandLine) shows nothing that could be JSON.", advice: "Leave --json out.")
        }
    }

    /// `keystone start` where `keystone agent start` was meant.
    private func placeHint(_ word: Word) -> String? {
        command.subcommands.first { $0.subcommand(word.text) != nil }.map {
            "Did you mean `\(commandLine) \($0.name) \(word.text)`?"
        }
    }

    private func optionHint(_ spelling: String) -> String? {
        let own = command.makeSurface().options + GlobalOptions.all
        guard spelling.hasPrefix("--") else { return nil }
        let name = String(spelling.dropFirst(2))
        for child in command.subcommands
        where child.makeSurface().options.contains(where: { $0.isCalled(Substring(name)) }) {
            return
                "It is an option of \(child.name): write it behind, as in `\(commandLine) \(child.name) \(spelling)`."
        }
        let names = own.flatMap { [$0.name] + $0.aliases }
        return Similarity.closest(to: name, among: names).map { "Did you mean --\($0)?" }
    }
}
