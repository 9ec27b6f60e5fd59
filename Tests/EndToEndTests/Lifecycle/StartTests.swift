import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Starts that are watched, cancelled, or left alone.
    @Suite struct Starts {
        /// A sandbox that has not been started.
        private func prepare(_ name: String) throws -> TestSandbox {
            let project = try Project(name)
            let keystone = try Keystone(in: project.folder)
            let sandbox = TestSandbox(name: name, project: project, keystone: keystone)
            try Images.build(in: sandbox.directory, for: keystone)
            return sandbox
        }

        @Test func stagesAreToldOnStandardErrorAndResultsAlone() throws {
            let sandbox = try prepare("watched")
            defer { sandbox.remove() }
            let finished = try sandbox.startAgain()
            #expect(finished.errorText.contains("boot"), "\(finished)")
            let status = try sandbox.keystone.mustSucceed(["status", sandbox.name, "--json"])
            #expect(status.errors.isEmpty, "\(status)")
            let object = try JSONSerialization.jsonObject(with: Data(status.output))
            #expect(object is [String: Any] || object is [Any])
            #expect(status.text.contains("running"))
            let table = try sandbox.keystone.mustSucceed(["list"])
            #expect(table.text.contains("watched") && table.text.contains("running"), "\(table)")
            #expect(!table.text.contains("\u{1B}"), "no colour without a terminal")
        }

        @Test func aCancelledStartLeavesNothing() throws {
            let sandbox = try prepare("cancelled")
            defer { sandbox.remove() }
            let running = try sandbox.keystone.begin(TestSandbox.startWords(sandbox.name))
            try running.wait("the boot", within: 60) { $0.errorText.contains("boot") }
            try running.send(SIGINT)
            let finished = try running.finish(within: 30)
            #expect(finished.code == 130, "\(finished)")
            let traces = Traces.of(sandbox)
            #expect(traces.isEmpty, "\(traces) after \(finished)")
            try sandbox.startAgain()
            #expect(try sandbox.exec("true").code == 0)
        }

        @Test func aKilledStartGoesOn() throws {
            let sandbox = try prepare("start-killed")
            defer { sandbox.remove() }
            let running = try sandbox.keystone.begin(TestSandbox.startWords(sandbox.name))
            try running.wait("the boot", within: 60) { $0.errorText.contains("boot") }
            try running.send(SIGKILL)
            _ = try running.finish()
            // The state file is replaced in one step: inotify tells each time.
            let ready = try FileWatch.wait(in: sandbox.stateFolder, within: TestSandbox.startSeconds) {
                (try? sandbox.state()) == "running"
            }
            #expect(ready)
            #expect(try sandbox.exec("echo", "up").line == "up")
        }

        @Test func aStartThatHasNoTimeSaysSo() throws {
            let sandbox = try prepare("hurried")
            defer { sandbox.remove() }
            let finished = try sandbox.keystone.agent(TestSandbox.startWords(sandbox.name, ["--timeout", "1"]))
            // A machine that boots in under a second deserves to be right.
            #expect(finished.code == 124 || finished.code == 0, "\(finished)")
            if finished.code == 124 { #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))") }
        }

        @Test func twoStartsOfOneSandboxGiveOneMachine() throws {
            let sandbox = try prepare("raced")
            defer { sandbox.remove() }
            let first = try sandbox.keystone.begin(TestSandbox.startWords(sandbox.name))
            let second = try sandbox.keystone.begin(TestSandbox.startWords(sandbox.name))
            let ends = [
                try first.finish(within: TestSandbox.startSeconds), try second.finish(within: TestSandbox.startSeconds),
            ]
            #expect(ends.filter { $0.code == 0 }.count == 1, "\(ends)")
            #expect(ends.contains { $0.code == 4 || $0.code == 7 }, "\(ends)")
            #expect(Traces.of(sandbox).processes.count == 3, "\(Traces.of(sandbox))")
            #expect(try sandbox.exec("true").code == 0)
        }

        @Test func withoutANetworkEverythingStillWorks() throws {
            try TestSandbox.with("no-network", options: ["--network", "none"]) { sandbox in
                let finished = try sandbox.shell("ls /sys/class/net")
                #expect(finished.code == 0 && !finished.text.contains("eth"), "\(finished)")
            }
        }
    }
}
