import AgentProtocol
import FoundationEssentials
import LinuxSystem
import SandboxController

/// A guest's health as `--json` shows it. Names and meanings are a promise to scripts: keys are added, never changed. All text
/// of the guest is escaped.
struct HealthDocument: Encodable {
    let name: String
    /// As in `status`.
    let state: String
    /// `healthy`, `degraded`, `unresponsive`; `failed` for one that ended in an error, `unknown` for one that doesn't run.
    let health: String
    let reasons: [ReasonDocument]
    /// Of an unresponsive one.
    let unresponsiveSeconds: Double?
    /// What the guest says of itself; missing before its first report.
    let guest: GuestDocument?
    /// Age of the last report.
    let reportedSecondsAgo: Double?
    /// The guest's clock minus the host's.
    let clockSkewSeconds: Double?
    /// The last try to run a command.
    let probe: ProbeDocument?

    struct ReasonDocument: Encodable {
        let code: String
        let text: String
    }

    struct ProbeDocument: Encodable {
        let secondsAgo: Double
        /// Missing where somebody's own command was the try.
        let milliseconds: UInt64?
        /// Why no command could be run; missing when one was.
        let failure: String?
    }

    init(_ health: SandboxHealth) {
        name = health.name
        state = health.state.word
        self.health = health.word
        var reasons = (health.verdict?.reasons ?? []).map { ReasonDocument(code: $0.code.rawValue, text: $0.text) }
        if health.verdict == nil, case .error(let code, let reason) = health.state {
            reasons = [ReasonDocument(code: code.rawValue, text: PrintableText.escaped(reason))]
        }
        self.reasons = reasons
        if case .unresponsive(let since, _) = health.verdict {
            unresponsiveSeconds = Self.age(since)
        } else {
            unresponsiveSeconds = nil
        }
        let record = health.record
        guest = record?.report.map(GuestDocument.init)
        reportedSecondsAgo = record?.report == nil ? nil : record.map { Self.age($0.reportedAt) }
        clockSkewSeconds = record?.report == nil ? nil : record.map { Double($0.skewMilliseconds) / 1000 }
        probe = record?.probe.map {
            ProbeDocument(secondsAgo: Self.age($0.at), milliseconds: $0.milliseconds, failure: $0.failure)
        }
    }

    private static func age(_ since: UInt64) -> Double {
        let now = Deadline.now()
        return (Double(now - min(now, since)) / 1e6).rounded() / 1000
    }

    /// One line, for streams of them.
    static func line(_ health: SandboxHealth) throws(ControllerError) -> String {
        try JSONText.line(HealthDocument(health))
    }
}
