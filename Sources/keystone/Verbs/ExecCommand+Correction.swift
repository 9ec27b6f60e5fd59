import SandboxController

extension ExecCommand {
    /// For `exec foo ls`, which could mean `exec foo -- ls` or `exec -- foo ls`: the registry tells which.
    static func corrected(_ invocation: Invocation, options: [Word], rest: [Word]) -> ControllerError {
        let records = (try? Registry(directory: invocation.directory).read()) ?? []
        var line = [Word(invocation.commandLine)].map(\.text) + options.map(\.shellQuoted)
        var command = rest[...]
        if let name = rest.first, records.contains(where: { $0.name == name.text }) {
            line.append(name.shellQuoted)
            command = rest.dropFirst()
        }
        guard !command.isEmpty else {
            let start = PrintableText.escaped(line.joined(separator: " "))
            return ControllerError(
                .usage, "There is no command to run.", advice: "Write it behind \"--\": `\(start) -- COMMAND`.")
        }
        line += ["--"] + command.map(\.shellQuoted)
        return ControllerError(
            .usage, "The command to run must come after \"--\".",
            advice: "Write `\(PrintableText.escaped(line.joined(separator: " ")))`.")
    }
}
