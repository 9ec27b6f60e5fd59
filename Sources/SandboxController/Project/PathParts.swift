/// Paths as texts: nothing is looked up, `.` and `..` are names like others.
extension String {
    /// Without the last part: `/a` for `/a/b` and `/a/b/`, `/` for `/a` and `/`, and nothing for a lone name.
    var parentPath: String {
        let parts = split(separator: "/").dropLast()
        return (hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }

    /// The last part: `b` for `/a/b` and `/a/b/`; `/` for the root.
    var lastPathPart: String { split(separator: "/").last.map(String.init) ?? (hasPrefix("/") ? "/" : "") }
}
