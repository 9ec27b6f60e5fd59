import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Every fault at every phase; then random ones. `Tests/faults` runs all of it, CI a dozen cells and ten kills.
    @Suite struct Faults {
        private static let rig = Result { try FaultRig("faults") }

        @Test(arguments: FaultOptions.cells)
        func leavesNothingAndTellsTheTruth(cell: FaultCell) throws {
            let rig = try Self.rig.get()
            let started = Deadline.now()
            var problems: [String]
            do { problems = try rig.run(cell) } catch { problems = ["\(error)"] }
            let seconds = Double(Deadline.now() - started) / 1e9
            for problem in problems { Issue.record("\(cell.testDescription): \(problem)") }
            let word = problems.isEmpty ? "passed" : "FAILED"
            FaultReport.say("fault \(cell.testDescription): \(word), \(Int(seconds)) s")
            if FaultReport.shared.note(cell, problems.isEmpty ? .passed : .failed, seconds: seconds)
                == FaultOptions.cells.count
            {
                FaultReport.say(FaultReport.shared.table)
                rig.sandbox.remove()
            }
        }

        @Test(.enabled(if: FaultOptions.rounds > 0))
        func randomKillsLeaveNothingAndLoseNothing() throws {
            FaultReport.say("random kills: \(FaultOptions.rounds) rounds, seed \(FaultOptions.seed)")
            var kills = try RandomKills(rig: FaultRig("kills"), seed: FaultOptions.seed)
            defer { kills.rig.sandbox.remove() }
            for round in 1...FaultOptions.rounds {
                var (what, problems) = ("nothing", [String]())
                do { (what, problems) = try kills.run(round) } catch { problems = ["\(error)"] }
                for problem in problems {
                    Issue.record("round \(round), seed \(FaultOptions.seed), \(what): \(problem)")
                }
                FaultReport.say("round \(round): \(what)\(problems.isEmpty ? "" : " FAILED")")
            }
            FaultReport.say(kills.summary)
        }
    }
}
