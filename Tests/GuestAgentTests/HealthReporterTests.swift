import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// The whole agent, with the test as the host that takes its reports.
@Suite("Health reports of a running agent", .serialized)
struct HealthReporterTests {
    private struct Host {
        let agent: TestAgent
        let listener: VsockListener
        let folder: String

        init() throws {
            folder = try TestFolder.make()
            listener = try VsockListener(.unix(path: folder + "/host"), port: Ports.report)
            agent = try TestAgent(report: .unix(path: folder + "/host"))
        }

        func remove() { TestFolder.remove(folder) }

        /// Takes the agent's hello and answers it. - Returns: its report channel.
        func welcome(features: Features = .health) throws -> TestConnection {
            let connection = TestConnection(try listener.accept().take())
            let hello = try #require(try connection.next()).decode(Hello.self)
            #expect(hello.role == .report && hello.features.contains(.health))
            try connection.send(Welcome(version: 1, features: features, secret: agent.credential.host))
            return connection
        }
    }

    private func report(_ connection: TestConnection) throws -> HealthReport {
        try connection.next(.healthReport).decode(HealthReport.self)
    }

    @Test func theFirstReportTellsAll() throws {
        let host = try Host()
        defer { host.remove() }
        let report = try report(try host.welcome())
        let figures = try #require(report.figures)
        #expect(figures.memoryTotal > 0 && figures.memoryAvailable > 0 && figures.uptime > 0 && figures.tasks > 0)
        #expect(figures.agentResident > 0)
        #expect(report.mounts?.contains { $0.path == "/" } == true)
        #expect(report.sessions == HealthSessions() && report.ports != nil && report.memoryKills != nil)
    }

    @Test func sessionsRingOnceUntilTheyAreLookedAt() throws {
        let news = try SessionNews()
        func rings(within milliseconds: Int32) -> Bool {
            var entry = pollfd(fd: news.rawValue, events: Int16(POLLIN), revents: 0)
            return poll(&entry, 1, milliseconds) > 0
        }
        news.note()
        #expect(rings(within: 5_000))
        news.hear()
        for _ in 0..<100 { news.note() }
        #expect(!rings(within: 50))
        news.take()
        news.note()
        #expect(rings(within: 5_000))
    }

    @Test func aSessionsStartAndEndAreReported() throws {
        let host = try Host()
        defer { host.remove() }
        let channel = try host.welcome()
        _ = try report(channel)
        let session = try host.agent.start(.init(arguments: [Array("/bin/cat".utf8)], standardInput: .stream))
        var sessions = HealthSessions()
        while sessions.running == 0 { sessions = try report(channel).sessions ?? sessions }
        #expect(sessions == HealthSessions(running: 1, detached: 0, started: 1))
        try session.send(.standardInputEnd)
        _ = try session.result()
        while sessions.running == 1 { sessions = try report(channel).sessions ?? sessions }
        #expect(sessions == HealthSessions(running: 0, detached: 0, started: 1))
    }

    @Test func aProbeIsNoUse() throws {
        let host = try Host()
        defer { host.remove() }
        let channel = try host.welcome()
        _ = try report(channel)
        var probe = ExecRequest.shell("true")
        probe.isProbe = true
        #expect(try host.agent.run(probe).exit?.outcome == .code(0))
        #expect(try host.agent.run("true").exit?.outcome == .code(0))
        var sessions: HealthSessions?
        while sessions == nil || sessions?.running == 1 { sessions = try report(channel).sessions ?? sessions }
        #expect(sessions?.started == 1)
    }

    @Test func manyShortSessionsMakeFewReports() throws {
        let host = try Host()
        defer { host.remove() }
        let channel = try host.welcome()
        _ = try report(channel)
        let began = Deadline.now()
        for _ in 0..<100 { _ = try host.agent.run("true") }
        var (reports, started) = (0, UInt64(0))
        while started < 100 {
            reports += 1
            started = try report(channel).sessions?.started ?? started
        }
        let seconds = Double(Deadline.now() - began) / 1e9
        #expect(Double(reports) <= 22 + 10 * seconds, "\(reports) reports in \(seconds) s")
    }

    @Test func aHostThatDoesNotAskGetsNoReports() throws {
        let host = try Host()
        defer { host.remove() }
        let channel = try host.welcome(features: [])
        _ = try host.agent.run("true")
        channel.close()
        // The next hello is the agent's next word.
        _ = try host.welcome()
    }

    @Test func afterALossAllIsToldAgain() throws {
        let host = try Host()
        defer { host.remove() }
        let first = try host.welcome()
        _ = try report(first)
        first.close()
        let again = try report(try host.welcome())
        #expect(again.figures != nil && again.mounts != nil && again.sessions != nil)
    }
}
