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
    /// What a shell offers for its value.
    let suggestion: Suggestion
    let summary: String

    private init(
        _ name: String, _ aliases: [String], _ short: Character?, _ placeholder: String?, _ repeats: Bool,
        _ suggestion: Suggestion, _ summary: String
    ) {
        self.name = name
        self.aliases = aliases
        self.short = short
        self.placeholder = placeholder
        self.repeats = repeats
        self.suggestion = suggestion
        self.summary = summary
    }

    static func flag(_ name: String, short: Character? = nil, _ summary: String) -> Option {
        Option(name, [], short, nil, false, .nothing, summary)
    }

    /// - Parameter suggests: where it is left out, the placeholder tells: `FILE`, `DIR`, `IMAGE`.
    static func value(
        _ name: String, _ placeholder: String, aliases: [String] = [], short: Character? = nil, repeats: Bool = false,
        suggests: Suggestion? = nil, _ summary: String
    ) -> Option {
        Option(
            name, aliases, short, placeholder, repeats, suggests ?? Suggestion(optionPlaceholder: placeholder), summary)
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
    /// What a shell offers for it.
    let suggestion: Suggestion
    let summary: String

    /// - Parameter suggests: where it is left out, the name tells: `NAME` is a sandbox, `IMAGE` an image, `PATH`, `FILE`, `DIR`.
    init(
        _ name: String, required: Bool = false, repeats: Bool = false, suggests: Suggestion? = nil, _ summary: String
    ) {
        self.name = name
        self.required = required
        self.repeats = repeats
        suggestion = suggests ?? Suggestion(positional: name)
        self.summary = summary
    }
}
