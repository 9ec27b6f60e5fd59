import AgentProtocol
import Glibc
import LinuxSystem
import SandboxController

/// How soon a change in the guest is seen by `health --watch`.
///
/// The guest does something and sends a byte at once: the byte's arrival is what nothing can be faster than. An agent sends
/// twenty reports as fast as changes come, and then ten a second (`HealthReporter.limit`), so what is measured depends on how
/// often something changes: as in a person's guest, `pause` apart, and without any pause, which shows the limit.
struct HealthChangeBench {
    private static let port: UInt32 = 5003
    private static let path = "/run/keystone-bench-event"
    private static let listening = 5004
    /// Between two changes, in milliseconds.
    private static let pause: Int32 = 250

    private let fixture: BenchFixture
    private let rounds: Int

    init(_ fixture: BenchFixture, rounds: Int) {
        self.fixture = fixture
        self.rounds = rounds
    }

    func run(_ report: inout BenchReport) throws {
        let server = try ProbeServer(
            fixture,
            ["event-server", "\(HealthChangeBench.port)", HealthChangeBench.path, "\(HealthChangeBench.listening)"])
        defer { server.stop() }
        let raw = try RawConnection(fixture, port: HealthChangeBench.port)
        let watch = try HealthWatchPipe(fixture)
        defer { watch.end() }
        try watch.wait { _ in true }
        var (mounts, ports, marks, sessions, crowd) = (Samples(), Samples(), Samples(), Samples(), Samples())
        for round in 0..<rounds {
            rest()
            mounts.add(try measure(.mount, raw, watch, round))
            rest()
            ports.add(try measure(.port, raw, watch, round))
            rest()
            marks.add(try measure(.mark, raw, watch, round))
            rest()
            sessions.add(try measureSession(watch))
        }
        // Counted on, since what is even is made: an odd number of rounds leaves something mounted.
        for round in rounds..<2 * rounds { crowd.add(try measure(.mount, raw, watch, round)) }
        let rate = "4 changes a second"
        report.add(
            Figure(
                .health, "a mount, seen after a raw byte of the same moment, at \(rate)", "ms", mounts,
                target: .atMost(20)))
        report.add(
            Figure(
                .health, "a listening port, seen after a raw byte of the same moment, at \(rate)", "ms", ports,
                target: .atMost(20)))
        report.add(
            Figure(
                .health, "a file system past its mark, for which the agent must look, the same, at \(rate)", "ms",
                marks, target: .atMost(20)))
        report.add(
            Figure(
                .health, "a session's start, seen after its own first word, at \(rate)", "ms", sessions,
                target: .atMost(20)))
        report.add(Figure(.health, "mounts without a pause, held to the agent's 10 reports a second", "ms", crowd))
    }

    private func rest() { _ = poll(nil, 0, HealthChangeBench.pause) }

    /// What the event server makes or takes away for a byte, and how a report shows it.
    private enum Event {
        case mount, port, mark
        var byte: UInt8 {
            switch self {
            case .mount: UInt8(ascii: "m")
            case .port: UInt8(ascii: "p")
            case .mark: UInt8(ascii: "f")
            }
        }
        var sign: String {
            switch self {
            case .mount: "\"\(path)\""
            case .port: "\"port\":\(listening)"
            case .mark: "\(path)-other is nearly full"
            }
        }
    }

    /// From the byte's arrival until the event is told: made in even rounds, taken away in odd ones.
    private func measure(
        _ event: Event, _ raw: borrowing RawConnection, _ watch: HealthWatchPipe, _ round: Int
    ) throws -> Double {
        try raw.echo(event.byte)
        let arrived = Stopwatch()
        try watch.wait { $0.contains(event.sign) == (round % 2 == 0) }
        return arrived.milliseconds
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
        rest()
        command.abandon()
        try watch.wait { $0.contains("\"running\":1") }
        return seen
    }

    private final class Box: @unchecked Sendable { var watch: Stopwatch? }
}
