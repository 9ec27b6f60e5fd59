import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// A random process is killed at a random instant of start, exec and stop.
struct RandomKills {
    enum Victim: String, CaseIterable { case cli, monitor, device, machine, agent }

    let rig: FaultRig
    private var numbers: SeededNumbers
    private static let steps = ["start", "exec", "stop"]
    /// What each step takes in a round in which nothing is killed, in milliseconds: an instant is drawn from it.
    private var lengths: [Int] = []
    private var counts: [String: Int] = [:]
    private var sandbox: TestSandbox { rig.sandbox }

    init(rig: FaultRig, seed: UInt64) throws {
        self.rig = rig
        numbers = SeededNumbers(seed: seed)
        lengths = try [
            sandbox.startAgain(), exec("a round without a kill").finish(),
            sandbox.keystone.mustSucceed(["stop", sandbox.name]),
        ].map { Int($0.seconds * 1000) }
    }

    /// Long enough for something to happen meanwhile.
    private func exec(_ text: String) throws -> Running {
        try sandbox.begin(["sh", "-c", "echo \(text) >/workspace/kept; sleep 0.3; echo done"])
    }

    var summary: String {
        "kills that hit: " + counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    /// - Returns: what was killed and when, and what was not as it must be.
    mutating func run(_ round: Int) throws -> (String, [String]) {
        let victim = Victim.allCases.randomElement(using: &numbers) ?? .cli
        let place = Int.random(in: 0..<Self.steps.count, using: &numbers)
        let instant = Int.random(in: 0..<max(1, lengths[place]), using: &numbers)
        let killer = try RandomKiller(rig, victim, in: Self.steps[place], after: instant)
        let what = "\(victim.rawValue) \(instant) ms into \(Self.steps[place])"
        var problems: [String] = []

        let start = try step(killer, "start") { try sandbox.keystone.begin(TestSandbox.startWords(sandbox.name)) }
        if start.code != 0 {
            killer.waitForEnds()
            problems += try settled()
            // Whatever became of the first, the next one works.
            if try sandbox.state() != "running" { try sandbox.startAgain() }
        }
        let text = "round-\(round)"
        let exec = try step(killer, "exec") { try self.exec(text) }
        let isTold = exec.code == 0 && exec.line == "done"
        if try sandbox.state() == "running" {
            let stop = try step(killer, "stop") {
                try sandbox.keystone.begin(["stop", "--timeout", "5s", sandbox.name])
            }
            if stop.code != 0, !stop.wasKilled, !stop.errorText.contains("keystone: ") {
                problems.append("stop: \(stop)")
            }
        }
        let hit = killer.end()
        killer.waitForEnds()
        problems += try settled()
        if isTold, try rig.sandbox.project.read("kept") != Array("\(text)\n".utf8) {
            problems.append("what the command had written is lost")
        }
        for finished in [start, exec] where finished.code != 0 && !finished.wasKilled {
            if !finished.errorText.contains("keystone: ") || finished.errorText.contains("Fatal") {
                problems.append("no sentence: \(finished)")
            }
            if hit == nil { problems.append("nothing was killed, and yet: \(finished)") }
        }
        if let hit { counts["\(victim.rawValue) in \(hit)", default: 0] += 1 }
        return (what + (hit.map { $0 == Self.steps[place] ? "" : " (\($0))" } ?? " (nothing was there)"), problems)
    }

    private func step(_ killer: RandomKiller, _ name: String, _ begin: () throws -> Running) throws -> Finished {
        let running = try begin()
        killer.watch(running.processID, name)
        defer { killer.watch(nil, "between") }
        return try running.finish(within: TestSandbox.startSeconds)
    }

    /// Waits until nothing is on its way any more, and looks.
    /// - Parameter again: how often to look anew, because what somebody asked just before they were killed was not heard yet.
    private func settled(again: Int = 2) throws -> [String] {
        let file = rig.directory.stateFile(sandbox.name)
        _ = try FileWatch.wait(in: sandbox.stateFolder, within: 90) {
            switch StateFile.read(file)?.state {
            // A monitor that is dead writes nothing: whoever asks does.
            case .starting, .stopping: (try? sandbox.state()).map { $0 != "starting" && $0 != "stopping" } ?? false
            default: true
            }
        }
        let truth = try FaultTruth(sandbox)
        if again > 0, ["starting", "stopping"].contains(truth.state) { return try settled(again: again - 1) }
        if truth.state == "running" {
            let alive = try sandbox.exec("echo", "alive")
            if again > 0, alive.code != 0, try sandbox.state() != "running" { return try settled(again: again - 1) }
            let stop = try sandbox.keystone.agent("stop", "--timeout", "5s", sandbox.name)
            return truth.problems + (alive.line == "alive" ? [] : ["running, and yet \(alive)"])
                + (stop.code == 0 ? [] : ["stop: \(stop)"])
        }
        return truth.problems
    }
}

extension Finished {
    var wasKilled: Bool { if case .signaled(SIGKILL, _) = status { true } else { false } }
}
