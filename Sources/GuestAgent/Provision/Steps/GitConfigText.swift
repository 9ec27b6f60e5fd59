import AgentProtocol

/// Lines of a git configuration file (git-config(1), "Syntax").
enum GitConfigText {
    static func lines(
        identity: ProvisionRequest.GitIdentity?, safeDirectories: [String]
    ) throws(StepFailure) -> [String] {
        var lines: [String] = []
        if let identity {
            // Git refuses to commit as nobody, in words that would not lead here.
            guard !identity.name.isEmpty, !identity.email.isEmpty else {
                throw StepFailure("The git identity has an empty name or address")
            }
            lines += [
                "[user]", "\tname = \(try quoted(identity.name, "name"))",
                "\temail = \(try quoted(identity.email, "address"))",
            ]
        }
        if !safeDirectories.isEmpty { lines.append("[safe]") }
        for path in safeDirectories {
            // `*`, and `/*` at the end since git 2.46, mean more than one folder.
            guard path.hasPrefix("/"), path != "/*", !path.hasSuffix("/*") else {
                throw StepFailure("Git is told to trust absolute paths only, without a star at the end")
            }
            lines.append("\tdirectory = \(try quoted(path, "path"))")
        }
        return lines
    }

    /// Between quotes only `"` and `\` are special, and a line feed ends the line. The parser takes a carriage return before
    /// a line feed for part of the line end (`get_next_char` in git's config.c); there is none here. NUL can't be written.
    static func quoted(_ value: String, _ what: String) throws(StepFailure) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\0": throw StepFailure("The git identity's \(what) has a byte that no git configuration can hold")
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
