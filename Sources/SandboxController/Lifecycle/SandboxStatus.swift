import FoundationEssentials
import Glibc
import LinuxSystem

/// A sandbox as it is now: the record, the reconciled state, and what its processes use.
public struct SandboxStatus: Codable, Sendable {
    public var record: SandboxRecord
    public var state: SandboxState
    /// As the monitor last told it; nil before the first start.
    public var file: StateFile?
    /// Since the agent said hello; nil when not running.
    public var uptimeSeconds: Double?
    /// Resident memory of QEMU, the device and the monitor, in bytes; nil when none runs.
    public var residentBytes: UInt64?
    /// Processor time of the three, in seconds.
    public var cpuSeconds: Double?
    /// Folders in the project's `.worktrees`, which the guest has at `/workspace/.worktrees`; at most 256, by name.
    public var worktrees: [String]

    public init(record: SandboxRecord, state: SandboxState, file: StateFile?) {
        self.record = record
        self.state = state
        self.file = file
        worktrees = SandboxStatus.worktrees(of: record.project)
        guard case .running = state, let file else { return }
        uptimeSeconds =
            file.readyClock.map { max(0, HostClock.seconds() - $0) }
            ?? file.readyAt.map { max(0, Date().timeIntervalSince($0)) }
        let uses = [file.monitorProcess, file.machineProcess, file.deviceProcess].compactMap { $0 }.compactMap(
            ProcessUse.init)
        if !uses.isEmpty {
            residentBytes = uses.reduce(0) { $0 + $1.residentBytes }
            cpuSeconds = uses.reduce(0) { $0 + $1.cpuSeconds }
        }
    }
}

extension SandboxStatus {
    /// What the sandbox's connections tell of its health.
    public enum Health: Equatable, Sendable {
        case healthy
        /// Since when the agent has been away.
        case agentLost(since: Date)
    }

    /// nil when the sandbox does not run.
    public var health: Health? {
        guard case .running = state else { return nil }
        return file?.agentLostAt.map { .agentLost(since: $0) } ?? .healthy
    }

    /// Entries that are links are left out: the guest can plant them.
    private static func worktrees(of project: String) -> [String] {
        let folder = project + "/.worktrees"
        let names = ((try? SmallFile.names(in: folder)) ?? []).filter { name in
            var status = stat()
            return lstat(folder + "/" + name, &status) == 0
                && status.st_mode & S_IFMT == S_IFDIR
        }
        return Array(names.sorted().prefix(256))
    }
}

/// What a process uses, from `/proc/PID/stat` (proc(5)).
struct ProcessUse {
    let residentBytes: UInt64
    let cpuSeconds: Double

    /// - Returns: nil when there is no such process.
    init?(process: Int32) {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        // Fields from the third on, behind the program's name, which may hold spaces and parentheses.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let pages = UInt64(fields[21])
        else { return nil }
        residentBytes = pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
