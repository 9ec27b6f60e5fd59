/// What became of a command line.
struct Parse: Sendable {
    enum Outcome: Equatable, Sendable {
        case run
        case help
        case version
        case failed(ParseFailure)
    }

    /// From the root to the command that was reached. Never empty.
    var path: [Command]
    var arguments = ParsedArguments()
    var outcome = Outcome.run

    var command: Command { path[path.count - 1] }
    /// The command as one types it: `keystone agent exec`.
    var commandLine: String { path.map(\.name).joined(separator: " ") }
}

/// Understands a command line by its declaration.
///
/// Long options are `--name value` or `--name=value`; short ones `-n value`, `-nvalue` or `-n=value`, and flags may be
/// clustered (`-it`). A value that begins with `-` must be written with `=`, so that a forgotten value is told instead
/// of the next option being swallowed. `--` ends the options, always.
struct ArgumentParser {
    private var parse: Parse
    private var madeSurface: Surface?
    /// Of the command reached so far; made when it is first asked for, which it never is of the groups on the way.
    private var surface: Surface {
        mutating get {
            if let madeSurface { return madeSurface }
            let surface = parse.command.makeSurface()
            madeSurface = surface
            return surface
        }
    }
    private let words: [Word]
    private var next = 0
    /// Where the words behind the command's own name begin.
    private var commandStart = 0
    private var helpAsked = false

    /// - Parameter words: without the program's name.
    static func parse(_ words: [Word], root: Command) -> Parse {
        var parser = ArgumentParser(words, root: root)
        parser.run()
        return parser.parse
    }

    private init(_ words: [Word], root: Command) {
        self.words = words
        parse = Parse(path: [root])
    }

    private mutating func run() {
        let separator = words.firstIndex(where: \.isSeparator) ?? words.endIndex
        while next < separator {
            let word = words[next]
            next += 1
            let failure = word.looksLikeOption ? option(word) : argument(word, hasSeparator: separator < words.endIndex)
            if let failure {
                parse.outcome = .failed(failure)
                break
            }
        }
        if parse.outcome == .run {
            if let failure = finish(words[min(separator + 1, words.endIndex)...]) { parse.outcome = .failed(failure) }
        }
        // Help wins over every mistake: whoever asks for it may not know better yet.
        if helpAsked
            || words[..<separator].contains(where: { $0.bytes == Array("--help".utf8) || $0.bytes == Array("-h".utf8) })
        {
            parse.outcome = .help
        } else if parse.arguments.has(GlobalOptions.versionOption) {
            parse.outcome = .version
        }
    }

    private mutating func argument(_ word: Word, hasSeparator: Bool) -> ParseFailure? {
        if !parse.command.subcommands.isEmpty {
            guard let child = parse.command.subcommand(word.text) else {
                if word == "help" {
                    helpAsked = true
                    return nil
                }
                return .unknownCommand(word)
            }
            parse.path.append(child)
            commandStart = next
            madeSurface = nil
            return nil
        }
        if surface.trailing != nil, !hasSeparator {
            return .missingSeparator(
                options: Array(words[commandStart..<(next - 1)]), rest: Array(words[(next - 1)...]))
        }
        return place(word)
    }

    private mutating func place(_ word: Word) -> ParseFailure? {
        let repeats = surface.positionals.last?.repeats ?? false
        guard parse.arguments.positionals.count < surface.positionals.count || repeats else {
            return .unexpectedArgument(word)
        }
        parse.arguments.positionals.append(word)
        return nil
    }

    /// What the end of the line asks for: the words behind `--`, and everything that is still missing.
    private mutating func finish(_ rest: ArraySlice<Word>) -> ParseFailure? {
        if !parse.command.subcommands.isEmpty {
            return rest.first.map { .unknownCommand($0) } ?? .missingCommand
        }
        parse.arguments.positionalsBeforeSeparator = parse.arguments.positionals.count
        if surface.trailing != nil {
            if rest.isEmpty { return .missingTrailing }
            parse.arguments.trailing = Array(rest)
        } else {
            for word in rest { if let failure = place(word) { return failure } }
        }
        let count = parse.arguments.positionals.count
        if let missing = surface.positionals.dropFirst(count).first(where: \.required) {
            return .missingArgument(missing.name)
        }
        if !surface.showsJSON, parse.arguments.has(GlobalOptions.jsonOption) { return .nothingToFormat }
        return nil
    }

    private mutating func option(_ word: Word) -> ParseFailure? {
        word.bytes[1] == UInt8(ascii: "-") ? long(word) : shorts(word)
    }

    private mutating func long(_ word: Word) -> ParseFailure? {
        let equals = word.bytes.firstIndex(of: UInt8(ascii: "="))
        let spelling = String(decoding: word.bytes[..<(equals ?? word.bytes.endIndex)], as: UTF8.self)
        guard let option = find({ $0.isCalled(spelling.dropFirst(2)) }) else { return .unknownOption(spelling) }
        return accept(option, spelling, attached: equals.map { Word(bytes: Array(word.bytes[($0 + 1)...])) })
    }

    private mutating func shorts(_ word: Word) -> ParseFailure? {
        var letters = word.bytes.dropFirst()
        while let letter = letters.first {
            guard let option = find({ $0.short?.asciiValue == letter }) else {
                return .unknownOption("-" + String(decoding: letters, as: UTF8.self).prefix(1))
            }
            let id = "-\(Character(Unicode.Scalar(letter)))"
            letters = letters.dropFirst()
            if option.takesValue {
                let value = letters.first == UInt8(ascii: "=") ? letters.dropFirst() : letters
                return accept(option, id, attached: letters.isEmpty ? nil : Word(bytes: Array(value)))
            }
            if letters.first == UInt8(ascii: "=") { return .unexpectedValue(Option.ID(spelling: id, placeholder: "")) }
            if let failure = accept(option, id, attached: nil) { return failure }
        }
        return nil
    }

    private mutating func find(_ matches: (Option) -> Bool) -> Option? {
        surface.options.first(where: matches) ?? GlobalOptions.all.first(where: matches)
    }

    private mutating func accept(_ option: Option, _ spelling: String, attached: Word?) -> ParseFailure? {
        let id = Option.ID(spelling: spelling, placeholder: option.placeholder ?? "")
        var value = attached
        if option.takesValue {
            if value == nil, next < words.endIndex, !words[next].looksLikeOption {
                value = words[next]
                next += 1
            }
            guard value != nil else { return .missingValue(id, next: next < words.endIndex ? words[next] : nil) }
        } else if value != nil {
            return .unexpectedValue(id)
        }
        parse.arguments.given.append(ParsedArguments.Given(option: option.name, value: value))
        return nil
    }
}
