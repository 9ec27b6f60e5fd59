import SandboxController

/// The help of one command: what it is, how it is typed, what it takes, what it exits with.
struct HelpPage {
    private let parse: Parse
    private let surface: Surface
    private let style: TextStyle

    init(_ parse: Parse, style: TextStyle = .plain) {
        self.parse = parse
        surface = parse.command.makeSurface()
        self.style = style
    }

    /// At most `HelpTable.width` columns wide.
    var text: String {
        var sections = [HelpTable.wrap(parse.command.summary + ".", indent: 0), usage]
        sections += surface.discussion.map { HelpTable.wrap($0, indent: 0) }
        sections.append(section("Examples", examples))
        if !parse.command.subcommands.isEmpty { sections.append(section("Commands", table(commands))) }
        sections.append(section("Arguments", table(surface.positionals.map { ($0.name, $0.summary) })))
        sections.append(section("Options", table(surface.options.map { (Self.spelling($0), $0.summary) })))
        sections.append(section("Everywhere", table(globals.map { (Self.spelling($0), $0.summary) })))
        sections.append(
            section(
                "Exit codes",
                table(
                    surface.exitCodes.map { ("\($0.rawValue)", $0.meaning) }
                        + surface.otherCodes.map { ("\($0.0)", $0.1) })))
        if !parse.command.subcommands.isEmpty {
            sections.append("`\(parse.commandLine) COMMAND --help` tells more about a command.\n")
        }
        return sections.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    /// `Usage: keystone agent exec [OPTIONS] [NAME] -- CMD...`
    private var usage: String { "\(style.bold("Usage:")) \(synopsis)\n" }

    /// `keystone agent exec [OPTIONS] [NAME] -- CMD...`
    var synopsis: String {
        var words = [parse.commandLine]
        if parse.command.subcommands.isEmpty {
            if !surface.options.isEmpty { words.append("[OPTIONS]") }
            words += surface.positionals.map { positional in
                let name = positional.repeats ? positional.name + "..." : positional.name
                return positional.required ? name : "[\(name)]"
            }
            if let trailing = surface.trailing { words += ["--", trailing] }
        } else {
            words.append("COMMAND")
        }
        return words.joined(separator: " ")
    }

    private var examples: String {
        let group = (parse.command.subcommands.isEmpty ? parse.path.dropLast() : parse.path[...]).map(\.name).joined(
            separator: " ")
        return surface.examples.map { example in
            "  \(style.dim("# " + example.meaning))\n  \(group) \(example.line)\n"
        }.joined()
    }

    private var commands: [(String, String)] {
        parse.command.subcommands.map { child in
            (([child.name] + child.aliases).joined(separator: ", "), child.summary)
        }
    }

    private var globals: [Option] {
        let isGroup = !parse.command.subcommands.isEmpty
        return GlobalOptions.all.filter { $0.name != GlobalOptions.jsonOption.name || surface.showsJSON || isGroup }
    }

    /// `-m, --memory SIZE`
    static func spelling(_ option: Option) -> String {
        let names = (option.short.map { ["-\($0)"] } ?? []) + ([option.name] + option.aliases).map { "--" + $0 }
        return names.joined(separator: ", ") + (option.placeholder.map { " " + $0 } ?? "")
    }

    private func section(_ title: String, _ body: String) -> String {
        body.isEmpty ? "" : "\(style.bold(title + ":"))\n\(body)"
    }

    private func table(_ rows: [(String, String)]) -> String { HelpTable.rows(rows) }
}
