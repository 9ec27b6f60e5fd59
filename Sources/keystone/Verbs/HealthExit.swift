import SandboxController

/// What `health` exits with, as plugins of Nagios and its relatives do (Monitoring Plugins Development Guidelines, "Plugin
/// Return Codes"): 0 to 3, whatever the other commands' codes mean.
enum HealthExit: Int32, CaseIterable {
    case ok = 0
    case warning = 1
    case critical = 2
    case unknown = 3

    var meaning: String {
        switch self {
        case .ok: "healthy"
        case .warning: "degraded: it works, and something is not as it should be"
        case .critical: "unresponsive, or ended in an error"
        case .unknown: "not running, no such sandbox, or wrong usage"
        }
    }

    init(_ health: SandboxHealth) {
        switch (health.verdict, health.state) {
        case (.healthy, _): self = .ok
        case (.degraded, _): self = .warning
        case (.unresponsive, _), (nil, .error): self = .critical
        case (nil, _): self = .unknown
        }
    }

    /// Of several the worst. Those that don't run are not ill, so they count only where none does.
    init(_ all: [SandboxHealth]) {
        let known = all.map { HealthExit($0) }.filter { $0 != .unknown }
        self = known.max { $0.rawValue < $1.rawValue } ?? (all.isEmpty ? .unknown : .ok)
    }
}
