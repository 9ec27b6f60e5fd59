import AgentProtocol

/// How tokens may be called, and which of this host's variables are tokens without being told.
public enum TokenNames {
    /// What Claude Code, Gemini CLI and Codex read. Others are named in `config.json`.
    public static let known = [
        "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CODEX_API_KEY",
        "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY",
    ]

    /// What a session needs to find its programs and its home.
    static let reserved: Set<String> = ["HOME", "LOGNAME", "PATH", "SHELL", "USER"]

    /// - Throws: `usage` in a sentence that `source` begins.
    public static func validate(_ name: String, source: String) throws(ControllerError) {
        guard ProvisionRequest.Token.isName(name) else {
            throw ControllerError(
                .usage, "\(source) \(PrintableText.quoted(String(name.prefix(140)))) can't be the name of a token.",
                advice: "Use up to \(ProvisionRequest.Token.nameLimit) letters, digits and _, no digit first.")
        }
        guard !reserved.contains(name) else {
            throw ControllerError(.usage, "\(source) \(name) can't be a token: without that variable nothing runs.")
        }
    }
}
