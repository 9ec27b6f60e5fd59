import Testing

@testable import keystone

@Suite struct ParserPropertyTests {
    /// Any words at all are understood, refused with a sentence, or answered with help; nothing traps, and what is behind
    /// `--` comes through untouched.
    @Test func randomWordsNeverCrash() {
        var random = SystemRandomNumberGenerator()
        let options = allCommands().flatMap { $0.last?.makeSurface().options ?? [] } + GlobalOptions.all
        let known =
            allCommands().flatMap { [$0.last?.name ?? ""] + ($0.last?.aliases ?? []) } + options.map(\.spelling)
            + options.compactMap { $0.short.map { "-\($0)" } } + [
                "--", "-", "", "--=", "-=", "---", "--x=y", "é", "-é", "help", "a b", "A=1",
            ]
        for _ in 0..<20_000 {
            let words: [Word] = (0..<Int.random(in: 0...7, using: &random)).map { _ in
                switch Int.random(in: 0..<10, using: &random) {
                case 0:
                    return Word(
                        bytes: (0..<Int.random(in: 0...6, using: &random)).map { _ in
                            UInt8.random(in: 0...255, using: &random)
                        })
                case 1:
                    return Word(
                        (known.randomElement(using: &random) ?? "") + "=" + (known.randomElement(using: &random) ?? ""))
                case 2: return Word("-" + String((known.randomElement(using: &random) ?? "").prefix(3)))
                default: return Word(known.randomElement(using: &random) ?? "")
                }
            }
            let parse = parse(Bool.random(using: &random) ? ["agent"] + words : words)
            switch parse.outcome {
            case .failed(let failure):
                let error = parse.error(failure)
                #expect(error.code == .usage && error.message.hasSuffix("."))
                #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
            case .run:
                #expect(parse.command.subcommands.isEmpty)
                if let separator = words.firstIndex(where: \.isSeparator), parse.command.makeSurface().trailing != nil {
                    #expect(parse.arguments.trailing == Array(words[(separator + 1)...]))
                }
            case .help, .version: break
            }
        }
    }

    @Test func everyOptionOfEveryCommandIsUnderstoodInEachForm() {
        for path in allCommands() where path.last?.subcommands.isEmpty == true {
            guard let command = path.last else { continue }
            let surface = command.makeSurface()
            let start = path.dropFirst().map { Word($0.name) }
            let end =
                surface.positionals.filter(\.required).map { Word($0.name) }
                + (surface.trailing == nil ? [] : ["--", "x"])
            for option in surface.options {
                var forms: [[Word]] = []
                for name in [option.name] + option.aliases {
                    forms +=
                        option.takesValue ? [[Word("--\(name)=1")], [Word("--\(name)"), "1"]] : [[Word("--\(name)")]]
                }
                if let short = option.short {
                    forms +=
                        option.takesValue ? [[Word("-\(short)1")], [Word("-\(short)"), "1"]] : [[Word("-\(short)")]]
                }
                for form in forms {
                    let parse = parse(start + form + end)
                    #expect(parse.outcome == .run, "\(form) of \(command.name)")
                    #expect(parse.arguments.given.first?.option == option.name)
                }
            }
        }
    }
}
