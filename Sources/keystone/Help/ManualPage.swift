import SandboxController

/// The whole of help as one page for `man`, in its macros (man(7)).
struct ManualPage {
    private let root: Command
    private var lines: [String] = []

    /// `keystone-agent(1)`.
    static func text(_ root: Command) -> String {
        var page = ManualPage(root: root)
        page.write()
        return page.lines.joined(separator: "\n") + "\n"
    }

    private init(root: Command) { self.root = root }

    private mutating func write() {
        lines = [".TH KEYSTONE\\-AGENT 1 \"\" \"\(Self.plain(VersionText.text))\" \"User Commands\"", ".SH NAME"]
        lines += ["keystone\\-agent \\- \(Self.plain(root.summary.lowercasedFirst))", ".SH SYNOPSIS"]
        lines += [".B keystone agent", "COMMAND [OPTIONS] \\&...", ".SH DESCRIPTION"]
        paragraphs(root.makeSurface().discussion)
        examples(root, path: "keystone agent")
        lines.append(".SH COMMANDS")
        for command in root.subcommands { write(command, path: "keystone agent") }
        lines.append(".SH OPTIONS OF EVERY COMMAND")
        options(GlobalOptions.all)
        lines.append(".SH EXIT STATUS")
        for code in ExitCode.allCases { entry("\(code.rawValue)", code.meaning) }
    }

    private mutating func write(_ command: Command, path: String) {
        let parse = Parse(path: [Command(path, summary: "", subcommands: [command]) { Surface() }, command])
        let surface = command.makeSurface()
        lines.append(".SS \"\(Self.plain("\(path) \(command.name)"))\"")
        paragraphs([command.summary + "."])
        if command.subcommands.isEmpty { paragraphs([HelpPage(parse).synopsis]) }
        paragraphs(surface.discussion)
        for positional in surface.positionals { entry(positional.name, positional.summary) }
        options(surface.options)
        examples(command, path: command.subcommands.isEmpty ? path : "\(path) \(command.name)")
        for child in command.subcommands { write(child, path: "\(path) \(command.name)") }
    }

    private mutating func paragraphs(_ all: [String]) { for text in all { lines += [".PP", Self.plain(text)] } }

    private mutating func options(_ all: [Option]) {
        for option in all { entry(HelpPage.spelling(option), option.summary) }
    }

    private mutating func entry(_ name: String, _ meaning: String) {
        lines += [".TP", "\\fB\(Self.plain(name))\\fR", Self.plain(meaning)]
    }

    private mutating func examples(_ command: Command, path: String) {
        for example in command.makeSurface().examples {
            lines += [
                ".PP", Self.plain(example.meaning) + ":", ".RS", ".nf", Self.plain("\(path) \(example.line)"), ".fi",
                ".RE",
            ]
        }
    }

    /// Text as it stands: backslashes, hyphens that one copies, and a `.` or `'` that would begin a macro.
    static func plain(_ text: String) -> String {
        var result = ""
        for character in text.split(separator: "\n").joined(separator: " ") {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            default: result.append(character)
            }
        }
        return result.hasPrefix(".") || result.hasPrefix("'") ? "\\&" + result : result
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
