import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// The agent dies in the guest, and the guest itself.
    @Suite struct AgentCrashes {
        /// Kills every agent there is, and PID 1, which watches over it and which the kernel protects.
        private static let killing = """
            kill -9 1; for p in /proc/[0-9]*; do
                case $(readlink $p/exe) in */keystone-guest-agent) kill -9 ${p#/proc/};; esac
            done; sleep 100
            """

        @Test func aKilledAgentIsToldAndComesBack() throws {
            try TestSandbox.with("agent-idle") { sandbox in
                let boot = try sandbox.exec("cat", "/proc/sys/kernel/random/boot_id").line
                let killer = try sandbox.exec(["sh", "-c", Self.killing], within: 30)
                expectTheTruth(killer)
                try expectAnAgentAgain(sandbox)
                #expect(try sandbox.exec("cat", "/proc/sys/kernel/random/boot_id").line == boot)
                #expect(Traces.of(sandbox).processes.count == 3, "\(Traces.of(sandbox))")
                try sandbox.keystone.mustSucceed(["stop", sandbox.name])
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
                try sandbox.startAgain()
                #expect(try sandbox.exec("echo", "alive").line == "alive")
            }
        }

        @Test func aKilledAgentWhileACommandStreams() throws {
            try TestSandbox.with("agent-busy") { sandbox in
                let streaming = try sandbox.begin([
                    "sh", "-c", "sleep 8111 & while :; do echo streaming; sleep 0.05; done",
                ])
                try streaming.wait(forOutput: "streaming\nstreaming")
                let killer = try sandbox.exec(["sh", "-c", Self.killing], within: 30)
                expectTheTruth(killer)
                let finished = try streaming.finish(within: 15)
                expectTheTruth(finished)
                try expectAnAgentAgain(sandbox)
                // What the dead agent ran is nobody's now, so it is ended.
                #expect(try GuestWatch.ended("[s]leep 8111", in: sandbox, within: 5))
            }
        }

        private func expectTheTruth(_ finished: Finished) {
            #expect(finished.code == 125 && finished.isOneClearSentence, "\(finished)")
            #expect(
                finished.errorText.contains("guest agent") && finished.errorText.contains("still runs"), "\(finished)")
        }

        private func expectAnAgentAgain(_ sandbox: TestSandbox) throws {
            let events = sandbox.directory.eventsFile(sandbox.name)
            let back = try FileWatch.wait(in: sandbox.stateFolder, within: 30) {
                (try? String(contentsOfFile: events, encoding: .utf8).contains("agent.returned")) ?? false
            }
            #expect(back, "the agent did not come back")
            try expectAnAgent(sandbox)
        }

        @Test func anAgentThatStopsAnsweringIsTold() throws {
            try TestSandbox.with("agent-frozen") { sandbox in
                // The whole guest stands still, as a crashed kernel does.
                let processes = try sandbox.processes()
                #expect(kill(processes.machine, SIGSTOP) == 0)
                let running = try sandbox.begin(["true"])
                let finished = try running.finish(within: 90)
                #expect(finished.code == 125 && finished.isOneClearSentence, "\(finished)")
                let stop = try sandbox.keystone.agent(["stop", "--force", sandbox.name], within: 60)
                #expect(stop.code == 0, "\(stop)")
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
            }
        }

        @Test func aGuestThatPanicsIsTold() throws {
            try TestSandbox.with("agent-panic") { sandbox in
                let witnesses = Witnesses(try sandbox.processes().all)
                let streaming = try sandbox.begin(["sh", "-c", "while :; do echo streaming; sleep 0.05; done"])
                try streaming.wait(forOutput: "streaming\nstreaming")
                _ = try sandbox.exec(
                    ["sh", "-c", "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger"], within: 90)
                let finished = try streaming.finish(within: 60)
                #expect(finished.code == 125 && finished.isOneClearSentence, "\(finished)")
                #expect(witnesses.waitForEnd(within: 30).isEmpty, "a panicked guest stays: \(Traces.of(sandbox))")
                try sandbox.startAgain()
                try expectAnAgent(sandbox)
            }
        }

        private func expectAnAgent(_ sandbox: TestSandbox) throws {
            let finished = try sandbox.exec("echo", "alive")
            #expect(finished.line == "alive", "\(finished)")
            #expect(try sandbox.state() == "running")
        }
    }
}
