import AgentProtocol
import FoundationEssentials
import LinuxSystem

/// The guest's journal, read by running `journalctl` in a session of the agent's: all that it takes is an agent and systemd.
struct GuestJournal {
    static let agentUnit = "keystone-guest-agent.service"
    /// Bytes of one entry; longer ones are left out.
    private static let entryLimit = 128 * 1024

    let endpoint: GuestConnection.Endpoint
    let query: LogQuery

    /// `journalctl` and its arguments.
    func arguments(follow: Bool, since: Date?) -> [String] {
        var words = ["journalctl", "--output=json", "--output-fields=" + JournalLine.fields.joined(separator: ",")]
        words += ["--no-pager", "--quiet", "--boot=0"]
        for unit in query.units { words.append("--unit=" + unit) }
        if query.units.isEmpty, query.sources == [.agent] { words.append("--unit=" + Self.agentUnit) }
        if let since { words.append("--since=@\(Int(since.timeIntervalSince1970.rounded(.down)))") }
        if follow {
            words += ["--follow", "--lines=" + (since == nil ? "0" : "all")]
        } else {
            words.append("--lines=\(query.tail.map { min($0, LogQuery.mostLines) } ?? LogQuery.mostLines)")
        }
        return words
    }

    /// Runs it to its end, or as long as the guest does.
    /// - Parameter output: called on this thread for each entry.
    /// - Throws: `missingProgram` when the guest has no systemd; `agentGone`.
    func read(
        follow: Bool, since: Date?, deadline: Deadline, output: (LogLine) -> Void
    ) throws(ControllerError) {
        var request = ExecRequest(arguments: arguments(follow: follow, since: since).map { Array($0.utf8) })
        request.user = "root"
        request.withholdsTokens = true
        request.environment = [Array("LC_ALL=C".utf8)]
        let command = try GuestCommand(request, at: endpoint)
        var (entry, errors): ([UInt8], [UInt8]) = ([], [])
        var isTooLong = false
        let report = try command.follow(deadline: deadline) { stream, bytes in
            guard stream == .standardOutput else { return errors += bytes.prefix(1024 - min(1024, errors.count)) }
            for byte in bytes {
                if byte == 10 {
                    if !isTooLong, let line = JournalLine.parse(entry) { output(line) }
                    (entry, isTooLong) = ([], false)
                } else if entry.count < Self.entryLimit {
                    entry.append(byte)
                } else {
                    isTooLong = true
                }
            }
        }
        guard case .code(0) = report.outcome else {
            let said = String(decoding: errors, as: UTF8.self).split(separator: "\n").last.map { ": \($0)" } ?? ""
            throw ControllerError(
                .agentRefused, "The guest's journal can't be read\(PrintableText.escaped(said)).",
                advice: query.units.isEmpty ? nil : "Is the unit's name right?")
        }
    }
}
