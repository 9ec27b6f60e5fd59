import LinuxSystem

/// The health of one sandbox, as `health` and `status` show it.
public struct SandboxHealth: Sendable {
    public let name: String
    public let state: SandboxState
    /// nil when it does not run: then nobody knows.
    public let record: HealthRecord?
    /// nil when it does not run.
    public let verdict: HealthVerdict?

    public init(name: String, state: SandboxState, record: HealthRecord?) {
        self.name = name
        self.state = state
        self.record = record
        verdict = record.map { HealthVerdict($0) }
    }

    /// `healthy`, `degraded`, `unresponsive`; `failed` for one that ended in an error, `unknown` for one that does not run.
    public var word: String {
        if let verdict { return verdict.word }
        if case .error = state { return "failed" }
        return "unknown"
    }
}
