import Glibc

/// Which of a project's files are files of variables: a path relative to the project, whose parts may have `*`, `?` and `[…]`
/// (glob(7); a leading dot is matched by a dot only).
public struct EnvironmentFilePattern: Equatable, Sendable {
    /// Parts of a path, at most.
    private static let depth = 16

    public let text: String
    let parts: [String]

    /// - Returns: nil for what can't name a file inside the project: empty, absolute, with `.`, `..` or NUL.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...1024).contains(text.utf8.count), !text.utf8.contains(0), parts.count <= Self.depth,
            parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { return nil }
        self.text = text
        self.parts = parts
    }

    static func isWild(_ part: String) -> Bool { part.contains { "*?[".contains($0) } }

    static func matches(_ part: String, _ name: String) -> Bool { fnmatch(part, name, FNM_PERIOD) == 0 }
}
