import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// How soon a change in the guest is seen on the host, how soon questions are answered, and what reporting costs an idle guest.
struct HealthBench {
    private static let sandboxes = 50
    /// Four steady reports.
    private static let idleSeconds = 60.0

    private let fixture: BenchFixture
    private let rounds: Int
    /// Of those that are listed.
    private let running: Int

    init(_ fixture: BenchFixture, rounds: Int?, running: Int) {
        self.fixture = fixture
        self.running = running
        self.rounds = rounds ?? 40
    }

    func run(_ report: inout BenchReport) throws {
        try measureIdle(&report)
        try HealthChangeBench(fixture, rounds: rounds).run(&report)
        try measureAnswers(&report)
        try measureList(&report)
    }

    private func measureAnswers(_ report: inout BenchReport) throws {
        var (health, json) = (Samples(), Samples())
        for _ in 0..<rounds {
            health.add(try Stopwatch.milliseconds { try fixture.cli(["health", BenchFixture.sandbox]) })
            json.add(try Stopwatch.milliseconds { try fixture.cli(["health", BenchFixture.sandbox, "--json"]) })
        }
        report.add(Figure(.health, "health, from its start to its end", "ms", health, target: .atMost(10)))
        report.add(Figure(.health, "health --json", "ms", json, target: .atMost(10)))
    }

    /// Of those that run the monitor is asked; the others are registered, and looked at on disk.
    private func measureList(_ report: inout BenchReport) throws {
        let others = (2...HealthBench.sandboxes).map { "listed-\($0)" }
        for name in others {
            try FileManager.default.createDirectory(atPath: folder(name), withIntermediateDirectories: true)
            fixture.alsoRemove(name, [folder(name)])
            try fixture.cli(["create", folder(name), "--no-git", "--name", name])
        }
        defer { fixture.removeOthers() }
        let one = try list()
        for name in others.prefix(running - 1) {
            BenchLog.write("starting \(name)")
            var request = StartRequest(name: name, project: folder(name), settings: fixture.settings)
            request.provisions = false
            _ = try fixture.controller.start(request, progress: SilentProgress())
        }
        let many = try list()
        let all = HealthBench.sandboxes
        report.add(Figure(.health, "list of \(all), of which one runs", "ms", one, target: .atMost(50)))
        report.add(Figure(.health, "list of \(all), of which \(running) run", "ms", many, target: .atMost(50)))
        let each = (many.median - one.median) / Double(running - 1)
        report.add(Figure(.health, "list, for each more that runs", "ms", each))
        guard running < all else { return }
        report.add(
            Figure(
                .health, "list of \(all), of which all would run, reckoned from these", "ms",
                one.median + each * Double(all - 1), target: .atMost(50)))
    }

    private func folder(_ name: String) -> String { "\(fixture.directory.root)/\(name)" }

    private func list() throws -> Samples {
        var samples = Samples()
        for _ in 0..<rounds { samples.add(try Stopwatch.milliseconds { try fixture.cli(["list"]) }) }
        return samples
    }

    /// What the agent says of its own processor time, and the bytes that came, between two steady reports.
    private func measureIdle(_ report: inout BenchReport) throws {
        let first = try steadyReport()
        let began = Stopwatch()
        var last = first
        while began.seconds < HealthBench.idleSeconds { last = try steadyReport() }
        let seconds = began.seconds
        guard let before = first.report?.figures, let after = last.report?.figures else { return }
        let time = Double(after.agentProcessorTime - min(before.agentProcessorTime, after.agentProcessorTime)) / 1000
        report.add(
            Figure(
                .health, "idle agent's share of a processor, a probe included", "%", time / seconds * 100,
                target: .atMost(0.1)))
        report.add(
            Figure(
                .health, "its reports", "B/s", Double(last.receivedBytes - first.receivedBytes) / seconds,
                target: .atMost(200)))
        report.add(Figure(.health, "agent, resident", "MiB", Double(after.agentResident) / 1024, target: .atMost(4)))
    }

    /// Waits for the next one with figures.
    private func steadyReport() throws -> HealthRecord {
        var known: UInt64?
        var found: HealthRecord?
        try fixture.controller.watchHealth(BenchFixture.sandbox) { (health) throws(ControllerError) in
            guard let record = health.record, let uptime = record.report?.figures?.uptime else { return true }
            if known == nil { known = uptime }
            if uptime != known { found = record }
            return found == nil
        }
        guard let found else { throw BenchError("the sandbox ended") }
        return found
    }
}
