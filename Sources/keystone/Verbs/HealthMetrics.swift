import AgentProtocol
import LinuxSystem
import SandboxController

/// Health in Prometheus' text format, version 0.0.4 ("Exposition formats" of its documentation). Names are a promise.
enum HealthMetrics {
    private struct Sample {
        let labels: [(String, String)]
        let value: Double
    }

    private struct Family {
        let name: String
        let type: String
        let help: String
        var samples: [Sample] = []
    }

    static func text(_ all: [SandboxHealth]) -> String {
        var families = HealthMetrics.families
        for health in all {
            for index in families.indices {
                families[index].samples += samples(families[index].name, health).map {
                    Sample(labels: [("sandbox", health.name)] + $0.labels, value: $0.value)
                }
            }
        }
        return families.filter { !$0.samples.isEmpty }.map(text).joined()
    }

    private static let families = [
        Family(name: "running", type: "gauge", help: "Whether the sandbox runs."),
        Family(name: "health", type: "gauge", help: "0 healthy, 1 degraded, 2 unresponsive or failed, 3 unknown."),
        Family(name: "degraded_reason", type: "gauge", help: "1 for each kind of reason there is."),
        Family(name: "report_age_seconds", type: "gauge", help: "Since the guest agent's last report."),
        Family(name: "probe_success", type: "gauge", help: "Whether the last try to run a command worked."),
        Family(name: "probe_duration_seconds", type: "gauge", help: "How long that took."),
        Family(name: "clock_skew_seconds", type: "gauge", help: "The guest's clock minus the host's."),
        Family(name: "uptime_seconds", type: "gauge", help: "Of the guest."),
        Family(name: "load1", type: "gauge", help: "Load average of one minute."),
        Family(name: "memory_total_bytes", type: "gauge", help: "Memory of the guest."),
        Family(name: "memory_available_bytes", type: "gauge", help: "Memory that can be had without swapping."),
        Family(name: "pressure_percent", type: "gauge", help: "Of the last 10 s, in which tasks waited."),
        Family(name: "filesystem_size_bytes", type: "gauge", help: "Size of a file system."),
        Family(name: "filesystem_available_bytes", type: "gauge", help: "Room left in a file system."),
        Family(name: "sessions_running", type: "gauge", help: "Commands that run."),
        Family(name: "sessions_total", type: "counter", help: "Commands since the agent's start."),
        Family(
            name: "memory_kills_total", type: "counter", help: "Processes killed for want of memory since the boot."),
        Family(name: "units_failed", type: "gauge", help: "Failed units of the service manager."),
        Family(name: "listening_ports", type: "gauge", help: "TCP ports on which something listens."),
        Family(name: "agent_resident_bytes", type: "gauge", help: "Resident memory of the guest agent."),
        Family(name: "agent_processor_seconds_total", type: "counter", help: "Processor time of the guest agent."),
    ]

    private static func samples(_ family: String, _ health: SandboxHealth) -> [Sample] {
        func one(_ value: Double?) -> [Sample] { value.map { [Sample(labels: [], value: $0)] } ?? [] }
        let (record, report) = (health.record, health.record?.report)
        let figures = report?.figures
        switch family {
        case "running": return one(record == nil ? 0 : 1)
        case "health": return one(Double(HealthExit(health).rawValue))
        case "degraded_reason":
            let codes = Set((health.verdict?.reasons ?? []).map(\.code.rawValue)).sorted()
            return codes.map { Sample(labels: [("reason", $0)], value: 1) }
        case "report_age_seconds": return one(report == nil ? nil : record.map { age($0.reportedAt) })
        case "probe_success": return one(record?.probe.map { $0.failure == nil ? 1 : 0 })
        case "probe_duration_seconds": return one(record?.probe?.milliseconds.map { Double($0) / 1000 })
        case "clock_skew_seconds": return one(report == nil ? nil : record.map { Double($0.skewMilliseconds) / 1000 })
        case "uptime_seconds": return one(figures.map { Double($0.uptime) / 1000 })
        case "load1": return one(figures.map { Double($0.load1) / 100 })
        case "memory_total_bytes": return one(figures.map { Double($0.memoryTotal) * 1024 })
        case "memory_available_bytes": return one(figures.map { Double($0.memoryAvailable) * 1024 })
        case "pressure_percent": return pressure(figures?.pressure)
        case "filesystem_size_bytes": return mounts(report) { Double($0.total) * 1024 }
        case "filesystem_available_bytes": return mounts(report) { Double($0.available) * 1024 }
        case "sessions_running": return one(report?.sessions.map { Double($0.running) })
        case "sessions_total": return one(report?.sessions.map { Double($0.started) })
        case "memory_kills_total": return one(report?.memoryKills.map { Double($0.total) })
        case "units_failed": return one(report?.services.map { Double($0.failed.count) })
        case "listening_ports": return one(report?.ports.map { Double($0.count) })
        case "agent_resident_bytes": return one(figures.map { Double($0.agentResident) * 1024 })
        default: return one(figures.map { Double($0.agentProcessorTime) / 1000 })
        }
    }

    private static func pressure(_ pressure: HealthFigures.Pressure?) -> [Sample] {
        guard let pressure else { return [] }
        return [
            ("processor", "some", pressure.processorSome), ("memory", "some", pressure.memorySome),
            ("memory", "full", pressure.memoryFull), ("storage", "some", pressure.storageSome),
            ("storage", "full", pressure.storageFull),
        ].map { Sample(labels: [("resource", $0.0), ("kind", $0.1)], value: Double($0.2) / 100) }
    }

    private static func mounts(_ report: HealthReport?, _ value: (HealthMount) -> Double) -> [Sample] {
        (report?.mounts ?? []).filter { $0.total > 0 }.map {
            Sample(labels: [("path", $0.path), ("type", $0.type)], value: value($0))
        }
    }

    private static func age(_ since: UInt64) -> Double {
        let now = Deadline.now()
        return Double(now - min(now, since)) / 1e9
    }

    private static func text(_ family: Family) -> String {
        let name = "keystone_sandbox_" + family.name
        var text = "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
        var seen: Set<String> = []
        for sample in family.samples {
            let labels = sample.labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
            // A guest may say a thing twice; Prometheus refuses a whole text for that.
            if seen.insert(labels).inserted { text += "\(name){\(labels)} \(sample.value)\n" }
        }
        return text
    }

    /// In a label's value backslashes, quotation marks and line feeds are escaped; nothing else may be.
    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
