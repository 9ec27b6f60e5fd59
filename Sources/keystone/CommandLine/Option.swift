/// An option as it is declared: what it is called, whether it takes a value, and a line for people.
struct Option: Sendable {
    /// Without the dashes: `memory` for `--memory`.
    let name: String
    /// Other long names that mean the same.
    let aliases: [String]
    /// The letter of its short form.
    let short: Character?
    /// What its value is called in help; nil for a flag, which takes none.
    let placeholder: String?
    /// Whether giving it twice adds up; where not, the last one counts.
    let repeats: Bool
    let summary: String

    private init(
        _ name: String, _ aliases: [String], _ short: Character?, _ placeholder: String?, _ repeats: Bool,
        _ summary: String
    ) {
        self.name = name
        self.aliases = aliases
        self.short = short
        self.placeholder = placeholder
        self.repeats = repeats
        self.summary = summary
    }

    static func flag(_ name: String, short: Character? = nil, _ summary: String) -> Option {
        Option(name, [], short, nil, false, summary)
    }

    static func value(
        _ name: String, _ placeholder: String, aliases: [String] = [], short: Character? = nil, repeats: Bool = false,
        _ summary: String
    ) -> Option {
        Option(name, aliases, short, placeholder, repeats, summary)
    }

    var takesValue: Bool { placeholder != nil }
    /// As a user writes it.
    var spelling: String { "--" + name }
    func isCalled(_ text: Substring) -> Bool { name == text || aliases.contains { $0 == text } }
}

/// An argument that is told by its place.
struct Positional: Sendable {
    /// As in usage lines: `NAME`.
    let name: String
    let required: Bool
    let repeats: Bool
    let summary: String

    init(_ name: String, required: Bool = false, repeats: Bool = false, _ summary: String) {
        self.name = name
        self.required = required
        self.repeats = repeats
        self.summary = summary
    }
}
