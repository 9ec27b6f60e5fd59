import AgentProtocol
import LinuxSystem
import SandboxController

/// What running a program in a sandbox costs, against what it can't cost less than: one vsock echo through the same device,
/// and a spawn-and-wait of the same program inside the same guest.
///
/// A round takes a few of each in turn, so that a drifting machine drifts for all of them.
struct ExecBench {
    private static let port: UInt32 = 5001
    private static let spawnPort: UInt32 = 5002
    private static let perRound = 10
    /// From the C prototype of the device (shared/MEASURED.md), taken on this kind of machine; milliseconds.
    private static let prototypeEcho = 0.32
    private static let prototypeConnects = 130.0

    private let fixture: BenchFixture
    private let endpoint: GuestConnection.Endpoint
    private let rounds: Int
    private var programs = [ProgramTimes(words: ["/bin/busybox", "true"], label: "true (busybox, static)")]
    private var process = Samples()
    private var echo = Samples()
    private var connect = Samples()
    /// One exchange with a bare server in the guest that starts the first program and waits for it: begun on an idle guest, as
    /// a command from the host is, where a block of spawns finds its processors awake and their caches warm.
    private var exchange = Samples()

    init(_ fixture: BenchFixture, rounds: Int?) throws {
        self.fixture = fixture
        self.rounds = rounds ?? 30
        endpoint = try fixture.endpoint()
        if fixture.hasHostProgram {
            programs.append(ProgramTimes(words: [BenchFixture.hostProgram], label: "true (coreutils, dynamic)"))
        }
    }

    mutating func run(_ report: inout BenchReport) throws {
        // On one thread: what a thread's start takes is not the device's.
        let server = try ProbeServer(fixture, ["echo-loop", "\(ExecBench.port)"])
        defer { server.stop() }
        let spawner = try ProbeServer(fixture, ["spawn-server", "\(ExecBench.spawnPort)"] + programs[0].words)
        defer { spawner.stop() }
        try warmUp()
        for _ in 0..<rounds { try round() }

        for program in programs {
            for figure in program.figures(echo: echo, ratioTarget: 1.15) { report.add(figure) }
        }
        let bare = Figure.Baseline(name: "bare server starting it", value: exchange.median)
        report.add(Figure(.exec, "\(programs[0].label), library, from idle", "ms", programs[0].library, baseline: bare))
        let library = Figure.Baseline(name: "library", value: programs[0].library.median)
        report.add(Figure(.exec, "true (busybox, static), keystone process, p50", "ms", process, baseline: library))
        report.add(Figure(.exec, "… more than the library", "ms", process.median - library.value, target: .atMost(4)))
        let prototype = Figure.Baseline(name: "C prototype", value: ExecBench.prototypeEcho)
        report.add(Figure(.exec, "vsock echo of a byte", "ms", echo, baseline: prototype, target: .ratioAtMost(1)))
        report.add(Figure(.exec, "vsock connect, echo, close", "ms", connect))
        let hundred = Figure.Baseline(name: "C prototype", value: ExecBench.prototypeConnects)
        let (waiting, ahead) = try hundredConnects()
        report.add(
            Figure(
                .exec, "100 × connect, echo, close", "ms", waiting, baseline: hundred, target: .ratioAtMost(1)))
        report.add(
            Figure(
                .exec, "… the byte sent with the connect, as exec does", "ms", ahead, baseline: hundred,
                target: .ratioAtMost(1)))
    }

    /// Page caches, the agent's spare cgroups, the client's own pages.
    private mutating func warmUp() throws {
        for _ in 0..<3 {
            for program in programs {
                try execute(program.words)
                _ = try spawnInGuest(program.words)
            }
            try executeProcess()
        }
    }

    private mutating func round() throws {
        try measureEcho()
        try measureExchange()
        for index in programs.indices {
            let words = programs[index].words
            for _ in 0..<ExecBench.perRound {
                programs[index].library.add(try Stopwatch.milliseconds { try execute(words) })
            }
            let (median, least) = try spawnInGuest(words)
            programs[index].spawn.add(median)
            programs[index].leastSpawn = min(programs[index].leastSpawn, least)
        }
        for _ in 0..<ExecBench.perRound { process.add(try Stopwatch.milliseconds(executeProcess)) }
        for _ in 0..<ExecBench.perRound {
            connect.add(try Stopwatch.milliseconds { try RawConnection(fixture, port: ExecBench.port).echo() })
        }
    }

    private mutating func measureEcho() throws {
        let connection = try RawConnection(fixture, port: ExecBench.port)
        try connection.echo()
        for _ in 0..<ExecBench.perRound { echo.add(try Stopwatch.milliseconds { try connection.echo() }) }
    }

    private mutating func measureExchange() throws {
        let connection = try RawConnection(fixture, port: ExecBench.spawnPort)
        try connection.echo()
        for _ in 0..<ExecBench.perRound { exchange.add(try Stopwatch.milliseconds { try connection.echo() }) }
    }

    private func execute(_ words: [String]) throws {
        let request = ExecRequest(arguments: words.map { Array($0.utf8) })
        let end = try GuestCommand(request, at: endpoint).follow { _, _ in }
        guard end.outcome == .code(0) else { throw BenchError("\(words) ended with \(end.outcome)") }
    }

    private func executeProcess() throws {
        try fixture.cli(["exec", BenchFixture.sandbox, "--"] + programs[0].words)
    }

    /// - Returns: median and least of a block of spawns, in milliseconds.
    private func spawnInGuest(_ words: [String]) throws -> (median: Double, least: Double) {
        let text = try fixture.output(
            of: [fixture.probePath, "spawn", "\(ExecBench.perRound)"] + words, at: endpoint)
        guard let median = ProbeAnswer.number("median", in: text), let least = ProbeAnswer.number("min", in: text)
        else { throw BenchError("the probe's spawn answered \(text)") }
        return (median / 1000, least / 1000)
    }

    /// In turns: those that wait for the connection before they send their byte, as the prototype's client did, and those that
    /// send it ahead.
    private func hundredConnects() throws -> (waiting: Samples, ahead: Samples) {
        var (waiting, ahead) = (Samples(), Samples())
        for _ in 0..<5 {
            waiting.add(
                try Stopwatch.milliseconds {
                    for _ in 0..<100 { try RawConnection(fixture, port: ExecBench.port).echo() }
                })
            ahead.add(
                try Stopwatch.milliseconds {
                    for _ in 0..<100 { try RawConnection.echoAhead(fixture, port: ExecBench.port) }
                })
        }
        return (waiting, ahead)
    }
}
