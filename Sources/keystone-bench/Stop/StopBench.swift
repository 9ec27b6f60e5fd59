import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// `keystone agent stop` of an idle sandbox, against the same guest's own power-off: a shell that waits in it is let go and
/// asks PID 1, and the time is taken to QEMU's end. In turns, on a machine booted anew each time.
struct StopBench {
    private let fixture: BenchFixture
    private let rounds: Int

    init(_ fixture: BenchFixture, rounds: Int?) {
        self.fixture = fixture
        self.rounds = rounds ?? 9
    }

    func run(_ report: inout BenchReport) throws {
        var (stops, own) = (Samples(), Samples())
        for round in 0..<rounds {
            for isStop in round % 2 == 0 ? [true, false] : [false, true] {
                try fixture.start()
                if isStop { stops.add(try stop()) } else { own.add(try powerOff()) }
            }
        }
        let base = Figure.Baseline(name: "guest's own power-off", value: own.median)
        report.add(Figure(.stop, "stop of an idle sandbox", "ms", stops, baseline: base, target: .ratioAtMost(1.2)))
    }

    /// - Returns: milliseconds of the whole command.
    private func stop() throws -> Double {
        let watch = Stopwatch()
        try fixture.cli(["stop", BenchFixture.sandbox])
        return watch.milliseconds
    }

    /// - Returns: milliseconds from the shell's line to QEMU's end.
    private func powerOff() throws -> Double {
        guard let number = fixture.status?.file?.machineProcess else { throw BenchError("the sandbox has no QEMU") }
        let machine = try ProcessHandle(opening: number)
        let input = try FileDescriptor.pipe()
        let output = try FileDescriptor.pipe()
        let (ours, theirs) = (input.second.rawValue, input.first.rawValue)
        // SIGUSR2 is what our agent sends, too (`MachinePower`).
        let words = [
            "exec", "-i", "-u", "root", BenchFixture.sandbox, "--", "sh", "-c", "echo up; read line; kill -USR2 1",
        ]
        let shell = try fixture.startCLI(words, input: theirs, output: output.second.rawValue)
        defer { _ = try? shell.reap() }
        try output.first.waitUntilReady(Int32(POLLIN), deadline: .after(milliseconds: 30_000))
        let watch = Stopwatch()
        guard write(ours, "\n", 1) == 1, machine.waitForEnd(deadline: .after(milliseconds: 60_000)) else {
            throw BenchError("the guest did not power itself off")
        }
        let milliseconds = watch.milliseconds
        // The monitor tidies up after it; the next start waits for that.
        _ = try? fixture.stop()
        return milliseconds
    }
}
