import SandboxController

/// `--env` and `--env-file` of `start` and `restart`: variables of every session of a sandbox.
enum SessionVariables {
    static let entry = Option.value(
        "env", "NAME[=VALUE]", short: "e", repeats: true,
        "Set a variable in every command; NAME alone passes the value it has here")
    static let file = Option.value(
        "env-file", "FILE", repeats: true, "Set the variables of a file of NAME=VALUE lines, as docker reads it")

    /// Files first, in the order given, then `--env`: what comes later wins.
    /// - Parameter kept: what they are added to.
    /// - Throws: `usage` or `badPath`, before anything is started, and never with a value.
    static func read(
        _ invocation: Invocation, onto kept: SessionEnvironment = SessionEnvironment()
    ) throws(ControllerError) -> SessionEnvironment {
        let arguments = invocation.arguments
        var result = kept
        for word in arguments.all(file) {
            guard !word.bytes.isEmpty else { throw ControllerError(.usage, "--env-file needs the path of a file.") }
            for found in try EnvironmentFile.read(word.text, value: { EnvironmentEntry.value(of: Word(bytes: $0)) }) {
                try result.set(found, source: "--env-file \(PrintableText.quoted(word.text))")
            }
        }
        for word in arguments.all(entry) {
            if let found = try EnvironmentEntry.bytes(word, source: "--env") {
                try result.set(found, source: "--env")
            } else {
                invocation.messages.warning("\(word.text) is not set here, so it is not passed")
            }
        }
        return result
    }
}
