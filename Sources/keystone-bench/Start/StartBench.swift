import Foundation
import LinuxSystem
import SandboxController

/// Start to ready, against the time in which the same machine, kernel and initramfs bring a bare program to dial the
/// host; in turns. How soon readiness is told is measured without provisioning too, whose steps lie between the hello and
/// `start`'s return and have figures of their own (`keystone-bench provision`).
struct StartBench {
    private let fixture: BenchFixture
    private let rounds: Int

    init(_ fixture: BenchFixture, rounds: Int?) {
        self.fixture = fixture
        self.rounds = rounds ?? 5
    }

    func run(_ report: inout BenchReport) throws {
        var (starts, bare, told, plain) = (Samples(), Samples(), Samples(), Samples())
        // The first boot reads kernel and initramfs from disk, and QEMU; neither side should pay for that.
        _ = try start(provisions: true)
        _ = try BareMachine(fixture).secondsToDial()
        for _ in 0..<rounds {
            let (seconds, delay) = try start(provisions: true)
            starts.add(seconds)
            if let delay { told.add(delay) }
            if let delay = try start(provisions: false).1 { plain.add(delay) }
            bare.add(try BareMachine(fixture).secondsToDial())
        }
        let base = Figure.Baseline(name: "bare program dials", value: bare.median)
        report.add(Figure(.start, "start to ready", "s", starts, baseline: base, target: .ratioAtMost(1.3)))
        if told.count > 0 {
            report.add(Figure(.start, "hello to start's return, all steps of provisioning between", "ms", told))
            report.add(Figure(.start, "hello to start's return, no provisioning", "ms", plain, target: .atMost(20)))
        }
    }

    /// - Returns: seconds that `start` took, and the milliseconds between the agent's hello and its return.
    private func start(provisions: Bool) throws -> (Double, Double?) {
        let watch = Stopwatch()
        try fixture.start(provisions: provisions)
        let (seconds, now) = (watch.seconds, Deadline.now())
        // The monitor writes it down after it has told us.
        try fixture.stop()
        let hello = HelloTime.newest(fixture.directory.eventsFile(BenchFixture.sandbox))
        return (seconds, hello.map { Double(now - $0) / 1e6 })
    }
}
