import SandboxController

/// What a shell is to offer for the word that is being typed.
enum CompletionAnswer: Equatable, Sendable {
    struct Candidate: Equatable, Sendable {
        let value: String
        /// For shells that show it; one line.
        let summary: String

        init(_ value: String, _ summary: String = "") {
            self.value = value
            self.summary = summary
        }
    }

    case candidates([Candidate])
    /// The shell's own completion of paths is better than ours.
    case files
    case folders

    static let nothing = CompletionAnswer.candidates([])

    /// What the scripts of `completion` read: a line with the kind, then `VALUE TAB SUMMARY` lines.
    var text: String {
        switch self {
        case .files: "files\n"
        case .folders: "folders\n"
        case .candidates(let all):
            "words\n"
                + all.map { "\(PrintableText.escaped($0.value))\t\(PrintableText.escaped($0.summary))\n" }.joined()
        }
    }
}
