import AgentProtocol

/// Remembers the variables that new sessions get. In memory only: they may be secrets, and the host gives them again to an
/// agent that was restarted. For the same reason no note tells a value.
enum EnvironmentStep {
    /// Bytes in all. Linux allows 2 MiB for arguments and environment together under the usual stack limit (execve(2)), and
    /// what is taken here no command has for its own.
    static let limit = 1024 * 1024

    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        let entries = try lastOfEachName(request.environment)
        guard entries.reduce(0, { $0 + $1.count + 1 }) <= limit else {
            throw StepFailure("The variables are more than \(limit / 1024) KiB, with which no command could start")
        }
        guard guest.defaults.change({ $0.environment = entries }) else { return .unchanged }
        return .done("New sessions get \(entries.count) variables.")
    }

    /// - Throws: for what is not `NAME=value`.
    static func lastOfEachName(_ given: [[UInt8]]) throws(StepFailure) -> [[UInt8]] {
        var positions: [ArraySlice<UInt8>: Int] = [:]
        var entries: [[UInt8]] = []
        for entry in given {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")), equals > 0 else {
                throw StepFailure("Variable \(entries.count + 1) is not of the form NAME=value")
            }
            // The last of a name counts, as in a shell.
            if let position = positions[entry[..<equals]] {
                entries[position] = entry
            } else {
                positions[entry[..<equals]] = entries.count
                entries.append(entry)
            }
        }
        return entries
    }
}
