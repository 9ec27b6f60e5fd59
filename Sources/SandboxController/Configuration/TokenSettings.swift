/// `tokens` and `envFiles` of `config.json`.
enum TokenSettings {
    /// `{ NAME: { "env": VARIABLE } | { "file": PATH } | { "command": [WORD, …] } | false }`
    static func sources(_ value: JSONValue, _ source: String) throws(ControllerError) -> TokenSources {
        guard case .object(let entries) = value else {
            throw Configuration.wrongType(source, "an object of names and sources")
        }
        var result = TokenSources()
        for (name, value) in entries.sorted(by: { $0.key < $1.key }) {
            try TokenNames.validate(name, source: "\(source):")
            result.configured[name] = .some(try tokenSource(value, "\(PrintableText.quoted(name)) of \(source)"))
        }
        return result
    }

    private static func tokenSource(_ value: JSONValue, _ source: String) throws(ControllerError) -> TokenSource? {
        if case .bool(false) = value { return nil }
        guard case .object(let entries) = value, let (kind, said) = entries.first, entries.count == 1 else {
            throw Configuration.wrongType(
                source, "{\"env\": VARIABLE}, {\"file\": PATH}, {\"command\": [WORD, …]} or false")
        }
        switch kind {
        case "env":
            let name = try Configuration.text(said, source)
            guard !name.isEmpty, !name.utf8.contains(0), !name.contains("=") else {
                throw Configuration.wrongType(source, "the name of a variable")
            }
            return .environment(name)
        case "file":
            let path = try Configuration.text(said, source)
            guard path.hasPrefix("/") || path.hasPrefix("~/"), !path.utf8.contains(0) else {
                throw Configuration.wrongType(source, "an absolute path, or one that begins with ~/")
            }
            return .file(path)
        case "command":
            let words = try texts(said, source, "a list of words, the program first")
            guard let first = words.first, !first.isEmpty, !words.contains(where: { $0.utf8.contains(0) }) else {
                throw Configuration.wrongType(source, "a list of words, the program first")
            }
            return .command(words)
        default:
            throw ControllerError(
                .configurationBroken, "\(source): there is no source \(PrintableText.quoted(kind)).",
                advice: Similarity.closest(to: kind, among: ["env", "file", "command"]).map { "Did you mean \($0)?" }
                    ?? "There are env, file and command.")
        }
    }

    /// A list of patterns; see `EnvironmentFilePattern`.
    static func patterns(_ value: JSONValue, _ source: String) throws(ControllerError) -> [EnvironmentFilePattern] {
        var result: [EnvironmentFilePattern] = []
        for text in try texts(value, source, "a list of patterns") {
            guard let pattern = EnvironmentFilePattern(text), result.count < 32 else {
                throw ControllerError(
                    .configurationBroken,
                    "\(source): \(PrintableText.quoted(String(text.prefix(100)))) is not a path inside a project.",
                    advice: "Write it relative to the project's top folder, such as \".env\" or \"config/*.env\".")
            }
            result.append(pattern)
        }
        return result
    }

    private static func texts(
        _ value: JSONValue, _ source: String, _ type: String
    ) throws(ControllerError) -> [String] {
        guard case .array(let items) = value else { throw Configuration.wrongType(source, type) }
        var texts: [String] = []
        for item in items {
            guard case .string(let text) = item else { throw Configuration.wrongType(source, type) }
            texts.append(text)
        }
        return texts
    }
}
