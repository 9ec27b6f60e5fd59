import AgentProtocol
import SandboxController

/// What a guest says of itself, for `--json` of `health` and `status`. Sizes in bytes, times in seconds, shares in percent.
struct GuestDocument: Encodable {
    let uptimeSeconds: Double?
    let loadAverage: [Double]?
    let tasks: UInt64?
    let memory: MemoryDocument?
    let pressure: PressureDocument?
    let agent: AgentDocument?
    let sessions: SessionsDocument?
    let mounts: [MountDocument]?
    let ports: [PortDocument]?
    let memoryKills: KillsDocument?
    let services: ServicesDocument?

    struct MemoryDocument: Encodable {
        let totalBytes, availableBytes, swapTotalBytes, swapFreeBytes: UInt64
    }
    /// Percent of the last 10 seconds in which some task waited, or all did.
    struct PressureDocument: Encodable {
        let processorSome, memorySome, memoryFull, storageSome, storageFull: Double
    }
    struct AgentDocument: Encodable {
        let uptimeSeconds: Double
        let processorSeconds: Double
        let residentBytes: UInt64
    }
    struct SessionsDocument: Encodable {
        let running, detached, started: UInt64
    }
    struct MountDocument: Encodable {
        let path, type: String
        let readOnly: Bool
        let totalBytes, availableBytes: UInt64
        let entries, entriesFree: UInt64
    }
    struct PortDocument: Encodable {
        let port: UInt16
        let address: String
    }
    struct KillsDocument: Encodable {
        let total: UInt64
        let recent: [KillDocument]
    }
    struct KillDocument: Encodable {
        let program: String
        let process: UInt64
        /// The guest's uptime then.
        let uptimeSeconds: Double
    }
    struct ServicesDocument: Encodable {
        let state: String
        let failed, active: [String]
    }

    init(_ report: HealthReport) {
        let figures = report.figures
        uptimeSeconds = figures.map { Double($0.uptime) / 1000 }
        loadAverage = figures.map { [$0.load1, $0.load5, $0.load15].map { Double($0) / 100 } }
        tasks = figures?.tasks
        memory = figures.map {
            MemoryDocument(
                totalBytes: Self.bytes($0.memoryTotal), availableBytes: Self.bytes($0.memoryAvailable),
                swapTotalBytes: Self.bytes($0.swapTotal), swapFreeBytes: Self.bytes($0.swapFree))
        }
        pressure = figures?.pressure.map {
            PressureDocument(
                processorSome: Double($0.processorSome) / 100, memorySome: Double($0.memorySome) / 100,
                memoryFull: Double($0.memoryFull) / 100, storageSome: Double($0.storageSome) / 100,
                storageFull: Double($0.storageFull) / 100)
        }
        agent = figures.map {
            AgentDocument(
                uptimeSeconds: Double($0.agentUptime) / 1000, processorSeconds: Double($0.agentProcessorTime) / 1000,
                residentBytes: Self.bytes($0.agentResident))
        }
        sessions = report.sessions.map {
            SessionsDocument(running: $0.running, detached: $0.detached, started: $0.started)
        }
        mounts = report.mounts?.map {
            MountDocument(
                path: $0.path, type: $0.type, readOnly: $0.isReadOnly, totalBytes: Self.bytes($0.total),
                availableBytes: Self.bytes($0.available), entries: $0.entries, entriesFree: $0.entriesFree)
        }
        ports = report.ports?.map { PortDocument(port: $0.port, address: $0.address) }
        memoryKills = report.memoryKills.map {
            KillsDocument(
                total: $0.total,
                recent: $0.recent.map {
                    KillDocument(
                        program: $0.program, process: $0.processID, uptimeSeconds: Double($0.uptime) / 1000)
                })
        }
        services = report.services.map {
            ServicesDocument(state: $0.state, failed: $0.failed, active: $0.active)
        }
    }

    /// Of KiB that a guest may have made up.
    private static func bytes(_ kibibytes: UInt64) -> UInt64 {
        let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
        return overflow ? .max : bytes
    }
}
