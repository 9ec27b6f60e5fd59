import AgentProtocol
import LinuxSystem
import SandboxController

/// A guest's health for people: the verdict on the first line, then one fact a line.
enum HealthLines {
    static func of(_ health: SandboxHealth, _ style: TextStyle) -> String {
        let why = why(health)
        let heading = style.bold(health.name) + " " + verdict(health, style) + (why.isEmpty ? "" : ": " + why) + "\n"
        let rows = facts(health)
        let width = rows.map(\.0.count).max() ?? 0
        return heading
            + rows.map {
                "  " + style.dim($0.0 + String(repeating: " ", count: width - $0.0.count)) + "  " + $0.1 + "\n"
            }.joined()
    }

    static func verdict(_ health: SandboxHealth, _ style: TextStyle) -> String {
        switch HealthExit(health) {
        case .ok: style.green(health.word)
        case .warning: style.yellow(health.word)
        case .critical: style.red(health.word)
        case .unknown: health.word
        }
    }

    /// The reasons in one line; empty for a healthy one.
    static func why(_ health: SandboxHealth) -> String {
        switch health.verdict {
        case nil:
            if case .error(_, let reason) = health.state { return PrintableText.escaped(reason) }
            return "it is \(health.state.word), not running"
        case .healthy: return ""
        case .degraded(let reasons): return reasons.map(\.text).joined(separator: "; ")
        case .unresponsive(let since, let reason): return "for \(age(since)), because \(reason.text)"
        }
    }

    /// What the guest says of itself, and how it was tried.
    static func facts(_ health: SandboxHealth) -> [(String, String)] {
        guard let record = health.record else { return [] }
        var rows: [(String, String)] = []
        if let report = record.report {
            if let figures = report.figures { rows += numbers(figures) }
            for mount in report.mounts ?? [] where mount.total > 0 { rows.append(("disk", text(mount))) }
            if let sessions = report.sessions {
                let detached = sessions.detached > 0 ? " (\(sessions.detached) detached)" : ""
                rows.append(
                    ("sessions", "\(sessions.running) running\(detached), \(sessions.started) since the agent's start"))
            }
            rows.append(("ports", ports(report.ports ?? [])))
            if record.forwards > 0 { rows.append(("forwards", "\(record.forwards) from this host")) }
            if let kills = report.memoryKills, kills.total > 0 {
                rows.append(("killed", "\(kills.total) for want of memory since the boot"))
            }
            if let services = report.services {
                rows.append(
                    ("services", "\(services.state), \(services.active.count) up, \(services.failed.count) failed"))
            }
            rows.append(("clock", clock(record.skewMilliseconds)))
            rows.append(("reported", age(record.reportedAt) + " ago"))
        } else if !record.reports {
            rows.append(("reports", "none: the image's agent is too old for them"))
        }
        if let probe = record.probe {
            let what =
                probe.failure.map { "failed: \($0)" }
                ?? probe.milliseconds.map { "a command ran in \($0) ms" } ?? "a command of yours ran"
            rows.append(("probe", "\(what), \(age(probe.at)) ago"))
        }
        return rows
    }

    private static func numbers(_ figures: HealthFigures) -> [(String, String)] {
        var rows = [
            ("uptime", DurationText.text(seconds: Double(figures.uptime) / 1000)),
            (
                "agent",
                "up \(DurationText.text(seconds: Double(figures.agentUptime) / 1000)), \(size(figures.agentResident)), "
                    + "\(figures.agentProcessorTime) ms of processor time"
            ),
            (
                "load",
                [figures.load1, figures.load5, figures.load15].map(decimal).joined(separator: " ")
                    + ", \(figures.tasks) tasks"
            ),
            ("memory", "\(size(figures.memoryAvailable)) free of \(size(figures.memoryTotal))"),
        ]
        if figures.swapTotal > 0 {
            rows.append(("swap", "\(size(figures.swapFree)) free of \(size(figures.swapTotal))"))
        }
        if let pressure = figures.pressure {
            rows.append(
                (
                    "waiting",
                    "for processors \(decimal(pressure.processorSome)) %, memory \(decimal(pressure.memorySome)) %, "
                        + "storage \(decimal(pressure.storageSome)) % of the last 10 s"
                ))
        }
        return rows
    }

    private static func text(_ mount: HealthMount) -> String {
        let free = HealthVerdict.percent(mount.available, mount.total)
        return "\(mount.path) (\(mount.type)\(mount.isReadOnly ? ", read-only" : "")): "
            + "\(size(mount.available)) free of \(size(mount.total)), \(free) %"
    }

    private static func ports(_ ports: [ListeningPort]) -> String {
        if ports.isEmpty { return "none" }
        return ports.map { $0.address.contains(":") ? "[\($0.address)]:\($0.port)" : "\($0.address):\($0.port)" }
            .joined(separator: " ")
    }

    private static func clock(_ milliseconds: Int64) -> String {
        abs(milliseconds) < 1000
            ? "within a second of the host's"
            : "\(abs(milliseconds) / 1000) s \(milliseconds < 0 ? "behind" : "ahead of") the host's"
    }

    private static func age(_ since: UInt64) -> String {
        let now = Deadline.now()
        return DurationText.text(seconds: Double(now - min(now, since)) / 1e9)
    }

    private static func size(_ kibibytes: UInt64) -> String {
        MemorySize.text(mebibytes: Int(clamping: kibibytes / 1024))
    }

    /// Hundredths with two decimals.
    private static func decimal(_ hundredths: UInt64) -> String {
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
