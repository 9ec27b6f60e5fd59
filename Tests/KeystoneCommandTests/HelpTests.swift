import Testing

@testable import keystone

@Suite struct HelpTests {
    @Test func everyCommandHasExamplesThatItUnderstands() {
        for path in allCommands() {
            guard let command = path.last else { continue }
            let surface = command.makeSurface()
            #expect(!surface.examples.isEmpty, "\(command.name)")
            let group = command.subcommands.isEmpty ? path.dropFirst().dropLast() : path.dropFirst()
            for example in surface.examples {
                let line = example.line.prefix { $0 != "<" }.replacing("'", with: "").replacing(" | wc -l", with: "")
                let words = group.map { Word($0.name) } + line.split(separator: " ").map { Word(String($0)) }
                let parse = parse(words)
                #expect(parse.outcome == .run || parse.outcome == .help, "\(command.name): \(example.line)")
                #expect(!example.meaning.isEmpty && !example.meaning.hasSuffix("."))
            }
        }
    }

    @Test func everyOptionAndArgumentIsDescribedOnce() {
        for path in allCommands() {
            guard let command = path.last else { continue }
            let surface = command.makeSurface()
            let options = surface.options + GlobalOptions.all
            let names = options.flatMap { [$0.name] + $0.aliases }
            let shorts = options.compactMap(\.short)
            #expect(Set(names).count == names.count && Set(shorts).count == shorts.count, "\(command.name)")
            for option in options { #expect(option.summary.count > 5 && !option.summary.hasSuffix(".")) }
            for positional in surface.positionals {
                #expect(positional.summary.count > 5 && !positional.summary.hasSuffix("."))
            }
            #expect(!command.summary.isEmpty && !command.summary.hasSuffix("."))
            #expect(
                command.subcommands.isEmpty == !(surface.exitCodes.isEmpty && surface.otherCodes.isEmpty),
                "\(command.name)")
        }
    }

    @Test func helpFitsAHundredColumnsAndHasAllSections() {
        for path in allCommands() {
            let text = HelpPage(Parse(path: path)).text
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                #expect(line.count <= HelpTable.width, "\(line)")
                #expect(line.last != " ", "\(line)")
            }
            let isGroup = path.last?.subcommands.isEmpty == false
            for title in ["Usage:", "Examples:", isGroup ? "Commands:" : "Exit codes:", "Everywhere:"] {
                #expect(text.contains(title))
            }
            #expect(!text.contains("\u{1B}") && !text.contains("\n\n\n") && text.hasSuffix("\n"))
            #expect(HelpPage(Parse(path: path), style: TextStyle(enabled: true)).text.contains("\u{1B}[1m"))
        }
    }

    @Test func usageShowsWhatIsRequired() {
        #expect(HelpPage(parse("agent exec -h")).text.contains("Usage: keystone agent exec [OPTIONS] [NAME] -- CMD..."))
        #expect(HelpPage(parse("agent destroy -h")).text.contains("Usage: keystone agent destroy [OPTIONS] NAME\n"))
        #expect(HelpPage(parse("agent -h")).text.contains("Usage: keystone agent COMMAND\n"))
    }

    @Test func jsonIsOfferedOnlyWhereSomethingIsShown() {
        #expect(HelpPage(parse("agent list -h")).text.contains("--json"))
        #expect(!HelpPage(parse("agent stop -h")).text.contains("--json"))
    }

    @Test func everyCommandIsInItsGroupsHelp() {
        for path in allCommands() {
            for child in path.last?.subcommands ?? [] {
                #expect(HelpPage(Parse(path: path)).text.contains("  \(child.name)"))
            }
        }
    }
}
