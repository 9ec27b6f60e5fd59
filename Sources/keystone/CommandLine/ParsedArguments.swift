/// What a command line said, sorted but not yet understood.
struct ParsedArguments: Equatable, Sendable {
    struct Given: Equatable, Sendable {
        /// The option's own name, whichever alias was used.
        let option: String
        /// nil for a flag.
        let value: Word?
    }

    /// In the order given.
    var given: [Given] = []
    var positionals: [Word] = []
    /// How many of `positionals` stood before `--`, or all where there was none.
    var positionalsBeforeSeparator = 0
    /// Behind `--`, for commands that take such words.
    var trailing: [Word] = []

    func has(_ option: Option) -> Bool { given.contains { $0.option == option.name } }

    /// The value that counts.
    func last(_ option: Option) -> Word? { given.last { $0.option == option.name }?.value }

    func all(_ option: Option) -> [Word] { given.compactMap { $0.option == option.name ? $0.value : nil } }

    /// For a flag and its opposite: true or false for the one given last, nil when neither was.
    func choice(yes: Option, no: Option) -> Bool? {
        given.last { $0.option == yes.name || $0.option == no.name }.map { $0.option == yes.name }
    }
}
