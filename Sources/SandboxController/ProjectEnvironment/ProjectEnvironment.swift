/// The variables that a project's own files set in every session.
struct ProjectEnvironment {
    private(set) var environment = SessionEnvironment()
    /// Sentences about lines and files that are left out; they stop no start, because the guest can write these files.
    private(set) var warnings: [String] = []

    /// Sentences that are told; the rest is counted.
    private static let warningLimit = 5

    /// Files in the order of the patterns, and of their names for one pattern; what comes later wins.
    static func read(_ patterns: [EnvironmentFilePattern], in project: String) -> ProjectEnvironment {
        var result = ProjectEnvironment()
        guard !patterns.isEmpty else { return result }
        let found = ProjectFiles(patterns, in: project)
        var warnings = found.warnings
        for file in found.files {
            let shown = PrintableText.escaped(file.path)
            let text = DotenvText(file.content)
            warnings += text.problems.map { "\(shown):\($0.line): this line is left out: \($0.reason)." }
            for entry in text.entries {
                if let warning = result.take(entry, from: shown) { warnings.append(warning) }
            }
        }
        let more = warnings.count - warningLimit
        result.warnings = Array(warnings.prefix(warningLimit))
        if more > 0 { result.warnings.append("\(more) more lines or files of variables of the project are left out.") }
        return result
    }

    private mutating func take(_ entry: [UInt8], from file: String) -> String? {
        let name = String(decoding: entry.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
        guard !TokenNames.reserved.contains(name) else {
            return "\(name) of \(file) is left out: it is the guest's own. Use --env to set it all the same."
        }
        let before = environment
        do throws(ControllerError) {
            try environment.set(entry, source: file)
            return nil
        } catch {
            environment = before
            return error.message
        }
    }
}
