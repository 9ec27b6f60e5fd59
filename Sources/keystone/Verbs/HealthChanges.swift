import AgentProtocol
import SandboxController

/// What happened between two looks at a guest, in lines for people.
enum HealthChanges {
    static func between(_ old: SandboxHealth, _ new: SandboxHealth) -> [String] {
        var lines: [String] = []
        let (before, after) = (old.verdict?.reasons ?? [], new.verdict?.reasons ?? [])
        if old.word != new.word || before.map(\.code) != after.map(\.code) {
            let why = HealthLines.why(new)
            lines.append("\(new.name) \(new.word)" + (why.isEmpty ? "" : ": " + why))
        }
        guard let was = old.record?.report, let now = new.record?.report else { return lines }
        if let text = sessions(was.sessions, now.sessions) { lines.append(text) }
        lines += names(was.ports?.map(text) ?? [], now.ports?.map(text) ?? [], "listening on", "no longer listening on")
        lines += names(was.mounts?.map(\.path) ?? [], now.mounts?.map(\.path) ?? [], "mounted", "no longer mounted")
        lines += names(was.services?.active ?? [], now.services?.active ?? [], "service up:", "service down:")
        for kill in now.memoryKills?.recent ?? [] where !(was.memoryKills?.recent ?? []).contains(kill) {
            lines.append("killed for want of memory: \(kill.program) (process \(kill.processID))")
        }
        return lines
    }

    private static func sessions(_ was: HealthSessions?, _ now: HealthSessions?) -> String? {
        guard let now, let was, was != now else { return nil }
        return "sessions: \(now.running) running, \(now.started) since the agent's start"
    }

    private static func text(_ port: ListeningPort) -> String { "\(port.address) port \(port.port)" }

    private static func names(_ old: [String], _ new: [String], _ came: String, _ went: String) -> [String] {
        let (before, after) = (Set(old), Set(new))
        return new.filter { !before.contains($0) }.map { "\(came) \($0)" }
            + old.filter { !after.contains($0) }.map { "\(went) \($0)" }
    }
}
