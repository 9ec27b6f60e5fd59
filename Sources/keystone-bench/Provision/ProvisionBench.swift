import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// Start to ready with provisioning, against the same start without, in turns.
///
/// The project is an ordinary user's, so that all there is to do is done: an account is changed, a home made, git and keys
/// written. What the host gathers while the guest boots counts, since it takes from the same processors.
struct ProvisionBench {
    private static let owner: uid_t = 4321
    private let fixture: BenchFixture
    private let rounds: Int

    init(_ fixture: BenchFixture, rounds: Int?) {
        self.fixture = fixture
        self.rounds = rounds ?? 9
    }

    func run(_ report: inout BenchReport) throws {
        if geteuid() == 0 { chown(fixture.project, Self.owner, Self.owner) }
        defer { if geteuid() == 0 { chown(fixture.project, 0, 0) } }
        var (with, without, told) = (Samples(), Samples(), Samples())
        _ = try start(provisions: true)
        for round in 0..<rounds {
            // Whoever is second finds warmer caches.
            for provisions in round % 2 == 0 ? [true, false] : [false, true] {
                let (seconds, delay) = try start(provisions: provisions)
                if provisions { with.add(seconds) } else { without.add(seconds) }
                if provisions, let delay { told.add(delay) }
            }
        }
        report.add(
            Figure(
                .provision, "start to ready", "s", with,
                baseline: .init(name: "without provisioning", value: without.median),
                target: .ratioAtMost(1.1)))
        guard told.count > 0 else { return }
        // The part that nothing else runs beside; a busy machine, which moves the figure above, moves both sides of this one.
        let alone = Samples(told.values.map { $0 / 1000 })
        report.add(
            Figure(
                .provision, "start to ready, by its own log", "s", with.median,
                baseline: .init(name: "the same up to the hello", value: with.median - alone.median),
                target: .ratioAtMost(1.1)))
        report.add(Figure(.provision, "hello to ready, all steps between", "ms", told))
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
