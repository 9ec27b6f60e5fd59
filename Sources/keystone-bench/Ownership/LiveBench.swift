import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// From a new file of another user on the host to a guest that sees it as its own, by the monitor's watch.
///
/// Two figures: to the attribute that the guest reads, which it sees at once since its mount caches nothing; and to the answer
/// of a `stat` that is started in the guest right after, which needs a process in there.
struct LiveBench {
    private static let owner: uid_t = 4321
    private static let patience = 10_000
    private let fixture: BenchFixture
    private let rounds: Int

    init(_ fixture: BenchFixture, rounds: Int?) {
        self.fixture = fixture
        self.rounds = rounds ?? 50
    }

    func run(_ report: inout BenchReport) throws {
        guard geteuid() == 0 else { throw BenchError("files of another user can be made by root only") }
        chown(fixture.project, Self.owner, Self.owner)
        defer { chown(fixture.project, 0, 0) }
        try fixture.start()
        defer { try? fixture.stop() }
        let endpoint = try fixture.endpoint()
        _ = try fixture.output(of: ["stat", "-c", "%u", "/workspace"], at: endpoint)
        var (attributes, answers, spawns) = (Samples(), Samples(), Samples())
        for round in 0..<rounds {
            attributes.add(try untilTheAttribute("live-a\(round)"))
            answers.add(try untilTheGuestSees("live-b\(round)", endpoint))
            spawns.add(
                try Stopwatch.milliseconds {
                    try fixture.output(of: ["stat", "-c", "%u", "/workspace/live-b\(round)"], at: endpoint)
                })
        }
        report.add(
            Figure(.ownership, "a new host file has its owner for the guest", "ms", attributes, target: .atMost(50)))
        report.add(
            Figure(
                .ownership, "a new host file is right in the guest", "ms", answers,
                baseline: .init(name: "stat in the guest", value: spawns.median), target: .atMost(50)))
    }

    private func make(_ name: String) throws -> String {
        let path = "\(fixture.project)/\(name)"
        _ = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
        return path
    }

    private func untilTheAttribute(_ name: String) throws -> Double {
        let watch = Stopwatch()
        let path = try make(name)
        let file = try FileDescriptor.open(path, O_RDONLY)
        let deadline = Deadline.after(milliseconds: Self.patience)
        while !file.hasAttribute("user.virtfs.gid") {
            if deadline.hasPassed { throw BenchError("\(path) was not made right") }
            sched_yield()
        }
        return watch.milliseconds
    }

    private func untilTheGuestSees(_ name: String, _ endpoint: GuestConnection.Endpoint) throws -> Double {
        let watch = Stopwatch()
        _ = try make(name)
        let deadline = Deadline.after(milliseconds: Self.patience)
        while try fixture.output(of: ["stat", "-c", "%u:%g", "/workspace/\(name)"], at: endpoint)
            != "\(Self.owner):\(Self.owner)\n"
        {
            if deadline.hasPassed { throw BenchError("the guest does not see \(name) as its own") }
        }
        return watch.milliseconds
    }
}
