import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// How soon a change in the guest is seen on the host, how soon questions are answered, and what reporting costs an idle guest.
struct HealthBench {
    private static let port: UInt32 = 5003
    private static let path = "/run/keystone-bench-event"
    private static let sandboxes = 50
    /// Four steady reports.
    private static let idleSeconds = 60.0

    private let fixture: BenchFixture
    private let rounds: Int

    init(_ fixture: BenchFixture, rounds: Int?) {
        self.fixture = fixture
        self.rounds = rounds ?? 40
    }

    func run(_ report: inout BenchReport) throws {
        try measureIdle(&report)
        try measureChanges(&report)
        try measureAnswers(&report)
        try measureList(&report)
    }

    /// The guest mounts something and sends a byte at once: the byte's arrival is what nothing can be faster than.
    private func measureChanges(_ report: inout BenchReport) throws {
        let server = try ProbeServer(fixture, ["event-server", "\(HealthBench.port)", HealthBench.path])
        defer { server.stop() }
        let raw = try RawConnection(fixture, port: HealthBench.port)
        let watch = try HealthWatchPipe(fixture)
        defer { watch.end() }
        try watch.wait { _ in true }
        var (changes, sessions) = (Samples(), Samples())
        for round in 0..<rounds {
            let isMounted = round % 2 == 0
            try raw.echo()
            let arrived = Stopwatch()
            try watch.wait { $0.contains(HealthBench.path) == isMounted }
            changes.add(arrived.milliseconds)
            sessions.add(try measureSession(watch))
        }
        report.add(
            Figure(.health, "a mount, seen after a raw byte of the same moment", "ms", changes, target: .atMost(20)))
        report.add(
            Figure(.health, "a session's start, seen after its own first word", "ms", sessions, target: .atMost(20)))
    }

    /// From the arrival of a session's first output to its being told.
    private func measureSession(_ watch: HealthWatchPipe) throws -> Double {
        let command = try GuestCommand(
            ExecRequest(arguments: ["/bin/sh", "-c", "echo up; sleep 5"].map { Array($0.utf8) }),
            at: try fixture.endpoint())
        let began = Box()
        let up = try EventDescriptor()
        try LinuxSystem.Thread.start(name: "session") {
            _ = try? command.follow { _, _ in
                began.watch = Stopwatch()
                up.signal()
            }
        }
        defer { command.abandon() }
        var entry = pollfd(fd: up.rawValue, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 10_000) > 0, let began = began.watch else { throw BenchError("a session did not start") }
        // The event server's own session runs, too.
        try watch.wait { $0.contains("\"running\":2") }
        let seen = began.milliseconds
        command.abandon()
        try watch.wait { $0.contains("\"running\":1") }
        return seen
    }

    private final class Box: @unchecked Sendable { var watch: Stopwatch? }

    private func measureAnswers(_ report: inout BenchReport) throws {
        var (health, json) = (Samples(), Samples())
        for _ in 0..<rounds {
            health.add(try Stopwatch.milliseconds { try fixture.cli(["health", BenchFixture.sandbox]) })
            json.add(try Stopwatch.milliseconds { try fixture.cli(["health", BenchFixture.sandbox, "--json"]) })
        }
        report.add(Figure(.health, "health, from its start to its end", "ms", health, target: .atMost(10)))
        report.add(Figure(.health, "health --json", "ms", json, target: .atMost(10)))
    }

    /// One runs; the others are registered, and each is looked at.
    private func measureList(_ report: inout BenchReport) throws {
        for number in 2...HealthBench.sandboxes {
            let name = "listed-\(number)"
            let folder = "\(fixture.directory.root)/\(name)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            fixture.alsoRemove(name, [folder])
            try fixture.cli(["create", folder, "--no-git", "--name", name])
        }
        defer { fixture.removeOthers() }
        var list = Samples()
        for _ in 0..<rounds { list.add(try Stopwatch.milliseconds { try fixture.cli(["list"]) }) }
        report.add(
            Figure(.health, "list of \(HealthBench.sandboxes), of which one runs", "ms", list, target: .atMost(50)))
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
