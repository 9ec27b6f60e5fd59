import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// Sizes of what runs in the guest and beside it, and how often the idle agent wakes up.
struct MemoryBench {
    private static let port: UInt32 = 5004
    private static let connections = 100
    private static let idleSeconds = 10
    private static let mebibyte = 1024.0

    private let fixture: BenchFixture
    private let endpoint: GuestConnection.Endpoint

    init(_ fixture: BenchFixture) throws {
        self.fixture = fixture
        endpoint = try fixture.endpoint()
    }

    func run(_ report: inout BenchReport) throws {
        let agent = try size("keystone-guest-agent")
        report.add(Figure(.memory, "agent, program file", "MB", agent, target: .atMost(8)))
        report.add(Figure(.memory, "device, program file", "MB", try size("keystone-vhost-vsock")))
        report.add(Figure(.memory, "keystone, program file", "MB", try size("keystone")))
        try measureAgent(&report)
        try measureDevice(&report)
        try measureWakeUps(&report)
    }

    /// Decimal megabytes, as file sizes are told.
    private func size(_ program: String) throws -> Double {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(fixture.programs)/\(program)")
        return Double(attributes[.size] as? Int ?? 0) / 1e6
    }

    /// Every process of the agent, PID 1 among them.
    private static let agentProcesses = """
        for p in /proc/[0-9]*; do case $(readlink $p/exe) in */keystone-guest-agent) echo ${p#/proc/};; esac; done
        """

    private struct AgentSize {
        /// Resident MiB of each process, by what it is.
        var processes: [(role: String, resident: Double)] = []
        /// MiB of all, what they share counted once.
        var proportional = 0.0
    }

    private func agentSize() throws -> AgentSize {
        var size = AgentSize()
        for process in try root(MemoryBench.agentProcesses).split(separator: "\n") {
            let text = try root("cat /proc/\(process)/smaps_rollup")
            let role = process == "1" ? "init (PID 1)" : "agent"
            size.processes.append((role, kibibytes("Rss", text) / MemoryBench.mebibyte))
            size.proportional += kibibytes("Pss", text) / MemoryBench.mebibyte
        }
        return size
    }

    private func measureAgent(_ report: inout BenchReport) throws {
        let fresh = try agentSize()
        for (role, resident) in fresh.processes {
            report.add(Figure(.memory, "\(role), resident, after the boot", "MiB", resident, target: .atMost(4)))
        }
        report.add(Figure(.memory, "init and agent together, proportional", "MiB", fresh.proportional))
        try load()
        // Until the next steady report, after which the agent lets go of what the commands left.
        rest(seconds: HealthReport.interval / 1000 + 1)
        for (role, resident) in try agentSize().processes {
            report.add(Figure(.memory, "\(role), resident, idle after load", "MiB", resident, target: .atMost(4)))
        }
    }

    /// A hundred commands, some at a time, and a stream.
    private func load() throws {
        for _ in 0..<25 {
            let request = ExecRequest(arguments: [Array("/bin/true".utf8)])
            let commands = try (0..<4).map { _ in try GuestCommand(request, at: endpoint) }
            for command in commands { _ = try command.follow { _, _ in } }
        }
        let stream = ExecRequest(arguments: ["/bin/head", "-c", "67108864", "/dev/zero"].map { Array($0.utf8) })
        _ = try GuestCommand(stream, at: endpoint).follow { _, _ in }
    }

    private func measureDevice(_ report: inout BenchReport) throws {
        guard let process = fixture.status?.file?.deviceProcess else {
            throw BenchError("the device's process is unknown")
        }
        let server = try ProbeServer(fixture, ["echo-server", "\(MemoryBench.port)"])
        defer { server.stop() }
        let idle = try HostMemory(process: process)
        var held: [HeldConnection] = []
        for _ in 0..<MemoryBench.connections { held.append(try HeldConnection(fixture, port: MemoryBench.port)) }
        for connection in held { try connection.echo() }
        let busy = try HostMemory(process: process)
        report.add(Figure(.memory, "device, resident, idle", "MiB", idle.own))
        report.add(
            Figure(
                .memory, "device, resident, \(MemoryBench.connections) connections", "MiB", busy.own,
                target: .atMost(10)))
        report.note(
            String(
                format:
                    "The device also maps the guest's memory, shared with QEMU: %.0f MiB of that were touched by it.",
                busy.shared))
    }

    /// Voluntary switches of all the agent's threads while nothing happens. Who counts is left behind by a session that is
    /// over: while one runs, the agent looks each second whether memory or a file system has passed a mark.
    private func measureWakeUps(_ report: inout BenchReport) throws {
        let file = "/run/keystone-bench-wakeups"
        let count =
            "for p in $list; do cat /proc/$p/task/*/status; done | awk '/^voluntary/ { n += $2 } END { print n }'"
        let counting = "sleep 3; a=$(\(count)); sleep \(MemoryBench.idleSeconds); b=$(\(count)); echo $a $b >\(file)"
        _ = try root("list=$(\(MemoryBench.agentProcesses)); (\(counting)) </dev/null >/dev/null 2>&1 &")
        rest(seconds: MemoryBench.idleSeconds + 5)
        let text = try root("cat \(file); rm \(file)")
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard numbers.count == 2 else { throw BenchError("the guest's count of wake-ups was \(text)") }
        report.add(
            Figure(
                .memory, "agent's wake-ups in \(MemoryBench.idleSeconds) s, idle", "times", numbers[1] - numbers[0],
                // One steady report, and the host's probe once a minute.
                target: .atMost(3)))
    }

    private func rest(seconds: Int) { _ = poll(nil, 0, Int32(seconds * 1000)) }

    private func root(_ script: String) throws -> String {
        var request = ExecRequest(arguments: ["/bin/sh", "-c", script].map { Array($0.utf8) })
        request.user = "root"
        var output: [UInt8] = []
        let end = try GuestCommand(request, at: endpoint).follow { stream, bytes in
            if stream == .standardOutput { output += bytes }
        }
        guard end.outcome == .code(0) else {
            throw BenchError("a shell in the guest ended with \(end.outcome): \(script)")
        }
        return String(decoding: output, as: UTF8.self)
    }

    private func kibibytes(_ key: String, _ text: String) -> Double { ProbeAnswer.number(key, in: text) ?? 0 }
}
