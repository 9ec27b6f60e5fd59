import AgentProtocol

/// `Name <email> seconds zone`, as `git var GIT_AUTHOR_IDENT` prints it (ident.c, `fmt_ident`). git itself takes `<`, `>`
/// and line feeds out of names and addresses, so the last `<` begins the address.
enum GitIdent {
    /// - Returns: nil for whatever is not that form, or can't be a name: not UTF-8, empty, with control characters.
    static func parse(_ output: [UInt8]) -> ProvisionRequest.GitIdentity? {
        let line = output.prefix { $0 != UInt8(ascii: "\n") }
        guard let text = String(validating: line, as: UTF8.self), let close = text.lastIndex(of: ">"),
            let open = text[..<close].lastIndex(of: "<"), isDate(text[text.index(after: close)...])
        else { return nil }
        var name = text[..<open]
        guard name.last == " " else { return nil }
        name.removeLast()
        let email = text[text.index(after: open)..<close]
        guard isSound(String(name)), isSound(String(email)) else { return nil }
        return ProvisionRequest.GitIdentity(name: String(name), email: String(email))
    }

    /// What both a name and an address must be: at most 1,024 bytes, something to see, on one line, and without the
    /// brackets that git would take out.
    static func isSound(_ text: String) -> Bool {
        let forbidden = text.unicodeScalars.contains {
            $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) || $0 == "<" || $0 == ">"
        }
        return !forbidden && text.utf8.count <= 1024 && text.contains { !$0.isWhitespace }
    }

    /// ` 1700000000 +0100`
    private static func isDate(_ text: Substring) -> Bool {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let sign = parts[1].first, sign == "+" || sign == "-" else { return false }
        return (parts[0] + parts[1].dropFirst()).utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
    }
}
