import FoundationEssentials

/// Which lines of a sandbox's logs are wanted.
public struct LogQuery: Sendable {
    /// Entries of a journal at most.
    static let mostLines = 100_000

    public var sources: Set<LogLine.Source> = Set(LogLine.Source.allCases)
    /// Only these units of the guest; empty for all.
    public var units: [String] = []
    public var since: Date?
    /// Only the last ones; nil for all.
    public var tail: Int?

    public init() {}

    var wantsJournal: Bool { !sources.isDisjoint(with: [.unit, .agent]) }

    func accepts(_ line: LogLine) -> Bool {
        guard sources.contains(line.source) else { return false }
        if let since, line.time < since { return false }
        return true
    }
}
