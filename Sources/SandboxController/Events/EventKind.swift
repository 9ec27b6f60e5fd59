import FoundationEssentials

/// What an event in `events.jsonl` is of. Names are a promise to scripts: more may come, none changes its meaning.
public struct EventKind: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    /// The monitor began a boot; every event of it has the same `start`.
    public static let starting: EventKind = "starting"
    public static let stage: EventKind = "stage"
    public static let warning: EventKind = "warning"
    /// The guest is ready.
    public static let running: EventKind = "running"
    public static let stopping: EventKind = "stopping"
    public static let stopped: EventKind = "stopped"
    /// The start or the machine failed: a fault that ended the sandbox.
    public static let failed: EventKind = "failed"
    /// A command was given the way to the guest's agent; its `id` comes again with its end.
    public static let exec: EventKind = "exec"
    public static let execEnded: EventKind = "exec.ended"
    /// A detached command runs on as `session`.
    public static let execDetached: EventKind = "exec.detached"
    /// Whoever ran the command is gone, or lost the guest.
    public static let execLost: EventKind = "exec.lost"
    /// A way from the host to a port or socket of the guest was opened; its `id` comes again with its end.
    public static let forward: EventKind = "forward"
    public static let forwardEnded: EventKind = "forward.ended"
    /// Whoever had it is gone, so nobody can say what it carried.
    public static let forwardLost: EventKind = "forward.lost"
    /// A step of provisioning; those of one run have the same `id`.
    public static let provision: EventKind = "provision"
    public static let provisionFailed: EventKind = "provision.failed"
    /// Tokens were given or revoked: names only.
    public static let tokens: EventKind = "tokens"
    public static let agentLost: EventKind = "agent.lost"
    public static let agentReturned: EventKind = "agent.returned"
    /// The guest's health changed its verdict or the kinds of its reasons.
    public static let health: EventKind = "health"
    public static let workspaceWatch: EventKind = "workspace.watch"

    public static let all: [EventKind] = [
        starting, stage, warning, running, stopping, stopped, failed, exec, execEnded, execDetached, execLost,
        forward, forwardEnded, forwardLost, provision, provisionFailed, tokens, agentLost, agentReturned, health,
        workspaceWatch,
    ]
}

extension EventKind {
    /// A time as events have it; such texts compare as the times do.
    public static func time(_ date: Date) -> String { EventJSON.time(date) }
}
