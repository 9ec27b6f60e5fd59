import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

/// A process that dies without a word.
enum Victim: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case monitor, device, machine
    var testDescription: String { rawValue }

    func process(of processes: TestSandbox.Processes) -> pid_t {
        switch self {
        case .monitor: processes.monitor
        case .device: processes.device
        case .machine: processes.machine
        }
    }

    /// Words of which the sentence must have one.
    var truth: [String] {
        switch self {
        case .monitor: ["monitor"]
        case .device: ["vsock device"]
        case .machine: ["virtual machine", "VM", "machine"]
        }
    }
}

extension EndToEnd {
    /// `kill -9`, one process at a time.
    @Suite struct Crashes {
        @Test(arguments: Victim.allCases)
        func whileIdle(victim: Victim) throws {
            try TestSandbox.with("idle-\(victim.rawValue)") { sandbox in
                let processes = try sandbox.processes()
                let witnesses = Witnesses(processes.all)
                #expect(kill(victim.process(of: processes), SIGKILL) == 0)
                #expect(witnesses.waitForEnd(within: 10).isEmpty, "orphans stay: \(Traces.of(sandbox))")
                try expectTheTruth(sandbox, victim)
                try expectTheNextStart(sandbox)
            }
        }

        @Test(arguments: Victim.allCases)
        func whileACommandStreams(victim: Victim) throws {
            try TestSandbox.with("busy-\(victim.rawValue)") { sandbox in
                let processes = try sandbox.processes()
                let witnesses = Witnesses(processes.all)
                let streaming = try sandbox.begin(["sh", "-c", "while :; do echo streaming; sleep 0.05; done"])
                let terminal = try TestTerminal()
                let modes = try terminal.modes()
                let person = try sandbox.keystone.begin(
                    sandbox.execWords(["sh", "-c", "echo up; sleep 1000"], ["-it"]), on: terminal)
                try streaming.wait(forOutput: "streaming\nstreaming")
                try terminal.wait(for: "up")
                #expect(kill(victim.process(of: processes), SIGKILL) == 0)
                let finished = try streaming.finish(within: 15)
                #expect(finished.code == 125, "\(finished)")
                #expect(
                    finished.errorText.split(separator: "\n").count == 1 && finished.isOneClearSentence,
                    "\(finished.errorText)")
                #expect(
                    victim.truth.contains { finished.errorText.contains($0) },
                    "not the truth about the \(victim): \(finished.errorText)")
                #expect(try terminal.finish(person, within: 15) == 125)
                #expect(try terminal.modes() == modes, "the person's terminal is left raw")
                #expect(witnesses.waitForEnd(within: 10).isEmpty, "orphans stay: \(Traces.of(sandbox))")
                try expectTheTruth(sandbox, victim)
                try expectTheNextStart(sandbox)
            }
        }

        /// One that stands still, then one whose socket somebody removed: both can be stopped by force.
        @Test func aMonitorThatDoesNotAnswerIsStoppedByForce() throws {
            try TestSandbox.with("mute-monitor") { sandbox in
                for makesMute in [
                    { (processes: TestSandbox.Processes) in kill(processes.monitor, SIGSTOP) },
                    { _ in unlink(sandbox.directory.controlSocket(sandbox.name)) },
                ] {
                    let processes = try sandbox.processes()
                    let witnesses = Witnesses(processes.all)
                    #expect(makesMute(processes) == 0)
                    #expect(try sandbox.state() == "running")
                    let stopped = try sandbox.keystone.agent("stop", "--force", sandbox.name)
                    #expect(stopped.code == 0 && stopped.errorText.contains("monitor"), "\(stopped)")
                    #expect(witnesses.waitForEnd(within: 0).isEmpty)
                    #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
                    #expect(try sandbox.state() == "stopped")
                    try sandbox.startAgain()
                }
            }
        }

        /// What everybody is told afterwards.
        private func expectTheTruth(_ sandbox: TestSandbox, _ victim: Victim) throws {
            let exec = try sandbox.exec("true")
            #expect(exec.code == 125 && exec.isOneClearSentence, "\(exec)")
            #expect(
                victim.truth.contains { exec.errorText.contains($0) },
                "not the truth about the \(victim): \(exec.errorText)")
            let status = try sandbox.status()
            #expect(status.state == "error" && status.monitorProcess == nil && status.machineProcess == nil)
            #expect(victim.truth.contains { status.errorReason?.contains($0) ?? false }, "\(status)")
            let list = try sandbox.keystone.mustSucceed(["list"])
            #expect(list.lines.contains { $0.contains(sandbox.name) && $0.contains("error") }, "\(list)")
            let traces = Traces.of(sandbox)
            #expect(traces.processes.isEmpty && traces.locks.isEmpty, "\(traces)")
            let stop = try sandbox.keystone.agent("stop", sandbox.name)
            #expect(stop.code == 4 && stop.isOneClearSentence, "\(stop)")
        }

        private func expectTheNextStart(_ sandbox: TestSandbox) throws {
            try sandbox.startAgain()
            #expect(try sandbox.exec("echo", "alive").line == "alive")
            #expect(Traces.of(sandbox).processes.count == 3, "\(Traces.of(sandbox))")
        }
    }
}
