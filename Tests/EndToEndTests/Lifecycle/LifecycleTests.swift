import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Starting, stopping, and what is left.
    @Suite struct Lifecycles {
        @Test func twoProjectsAtOnceDoNotMeet() throws {
            try TestSandbox.with("first-project") { first in
                try TestSandbox.with("second-project") { second in
                    try first.project.write("mine", Array("first".utf8))
                    try second.project.write("mine", Array("second".utf8))
                    #expect(try first.exec("cat", "/workspace/mine").text == "first")
                    #expect(try second.exec("cat", "/workspace/mine").text == "second")
                    #expect(try first.exec("uname", "-n").line == "first-project")
                    #expect(try second.exec("uname", "-n").line == "second-project")
                    // Without a name, each project's own is meant.
                    #expect(try second.keystone.agent("exec", "--", "uname", "-n").line == "second-project")
                    try first.keystone.mustSucceed(["stop", first.name])
                    #expect(try second.exec("echo", "still here").line == "still here")
                }
            }
        }

        @Test func twoSandboxesOfOneProject() throws {
            let project = try Project("one-project")
            try TestSandbox.with("one-a", project: project) { a in
                try TestSandbox.with("one-b", project: project) { b in
                    #expect(try a.shell("echo from-a > /workspace/made-by-a").code == 0)
                    #expect(try b.exec("cat", "/workspace/made-by-a").line == "from-a")
                    #expect(
                        try a.exec("cat", "/proc/sys/kernel/random/boot_id").line
                            != b.exec("cat", "/proc/sys/kernel/random/boot_id").line)
                    // Two fit and none has the project's name: which one is for the user to say.
                    let ambiguous = try a.keystone.agent("exec", "--", "true")
                    #expect(
                        ambiguous.code == 125 && ambiguous.errorText.contains("one-a")
                            && ambiguous.errorText.contains("one-b"), "\(ambiguous)")
                    let list = try a.keystone.mustSucceed(["list", "--json"])
                    #expect(list.text.contains("\"one-a\"") && list.text.contains("\"one-b\""))
                    #expect(try Set(a.processes().all).isDisjoint(with: b.processes().all))
                }
            }
        }

        @Test func stopLeavesNoProcessSocketOrLock() throws {
            try TestSandbox.with("to-stop") { sandbox in
                let before = Traces.of(sandbox)
                #expect(before.processes.count == 3 && before.sockets.count >= 2 && !before.locks.isEmpty, "\(before)")
                #expect(Set(before.processes.map(\.number)) == Set(try sandbox.processes().all))
                let witnesses = Witnesses(try sandbox.processes().all)
                let stopped = try sandbox.keystone.agent("stop", sandbox.name)
                #expect(stopped.code == 0, "\(stopped)")
                #expect(witnesses.waitForEnd(within: 0).isEmpty, "stop returned before its processes had ended")
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
                #expect(try sandbox.state() == "stopped")
                let exec = try sandbox.exec("true")
                #expect(exec.code == 125 && exec.isOneClearSentence && exec.errorText.contains("stopped"), "\(exec)")
                #expect(exec.errorText.split(separator: "\n").count == 1)
                let again = try sandbox.keystone.agent("stop", sandbox.name)
                #expect(again.code == 4 && again.isOneClearSentence, "\(again)")
                try sandbox.startAgain()
                #expect(try sandbox.exec("echo", "back").line == "back")
            }
        }

        @Test func freshReplacesTheOldMachine() throws {
            try TestSandbox.with("to-refresh") { sandbox in
                let old = try sandbox.processes()
                let boot = try sandbox.exec("cat", "/proc/sys/kernel/random/boot_id").line
                #expect(try sandbox.exec("touch", "/tmp/of-the-old-one").code == 0)
                let refused = try sandbox.keystone.agent(TestSandbox.startWords(sandbox.name))
                #expect(
                    refused.code == 4 && refused.isOneClearSentence && refused.errorText.contains("--fresh"),
                    "\(refused)")
                let witnesses = Witnesses(old.all)
                try sandbox.startAgain(["--fresh"])
                #expect(witnesses.waitForEnd(within: 0).isEmpty, "the old processes run")
                let traces = Traces.of(sandbox)
                #expect(Set(traces.processes.map(\.number)) == Set(try sandbox.processes().all), "\(traces)")
                #expect(try sandbox.exec("cat", "/proc/sys/kernel/random/boot_id").line != boot)
                #expect(try sandbox.exec("test", "-e", "/tmp/of-the-old-one").code == 1)
                #expect(
                    try sandbox.exec("cat", "/workspace/README.md").code == 0,
                    "the project is not the sandbox's to discard")
            }
        }

        @Test func restartAndDestroy() throws {
            let sandbox = try TestSandbox.start("to-destroy")
            defer { sandbox.remove() }
            let old = Witnesses(try sandbox.processes().all)
            try sandbox.keystone.mustSucceed(["restart", sandbox.name], within: TestSandbox.startSeconds)
            #expect(old.waitForEnd(within: 0).isEmpty)
            #expect(try sandbox.exec("echo", "again").line == "again")
            let refused = try sandbox.keystone.agent("destroy", sandbox.name)
            #expect(refused.code == 4 && refused.isOneClearSentence, "\(refused)")
            try sandbox.keystone.mustSucceed(["destroy", "--force", sandbox.name])
            #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
            #expect(access(sandbox.directory.sandboxFolder(sandbox.name), F_OK) != 0)
            #expect(access(sandbox.project.path("README.md"), F_OK) == 0)
            #expect(try sandbox.keystone.agent("status", sandbox.name).code == 3)
        }

        @Test func aGuestThatPowersOffIsStopped() throws {
            try TestSandbox.with("powers-off") { sandbox in
                let witnesses = Witnesses(try sandbox.processes().all)
                // busybox's poweroff asks PID 1 by signal; with -f it asks the kernel itself.
                let finished = try sandbox.shell("poweroff -f", within: 90)
                #expect(finished.code == 125 && finished.isOneClearSentence, "\(finished)")
                #expect(witnesses.waitForEnd(within: 60).isEmpty)
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
                let status = try sandbox.status()
                #expect(status.state == "stopped", "\(status)")
                try sandbox.startAgain()
            }
        }

        private func isThere(_ sandbox: TestSandbox) throws -> Bool {
            let listed = try sandbox.keystone.mustSucceed(["list", "--json"]).text.contains("\"\(sandbox.name)\"")
            let folder = access(sandbox.directory.sandboxFolder(sandbox.name), F_OK) == 0
            #expect(listed == folder, "listed: \(listed), its folder: \(folder)")
            return listed
        }

        @Test func anEphemeralSandboxIsRemovedWhenItStops() throws {
            try TestSandbox.with("brief", options: ["--ephemeral"]) { sandbox in
                try sandbox.project.write("mine", Array("kept".utf8))
                try sandbox.keystone.mustSucceed(["restart", sandbox.name], within: TestSandbox.startSeconds)
                try sandbox.startAgain(["--fresh"])
                #expect(try sandbox.exec("cat", "/workspace/mine").text == "kept", "starting again is no end")
                let witnesses = Witnesses(try sandbox.processes().all)
                let stopped = try sandbox.keystone.mustSucceed(["stop", sandbox.name])
                #expect(stopped.errorText.contains("sandbox brief is stopped and removed"), "\(stopped)")
                #expect(witnesses.waitForEnd(within: 0).isEmpty, "stop returned before its processes had ended")
                #expect(try !isThere(sandbox))
                #expect(try sandbox.exec("true").code == 125)
                #expect(access(sandbox.project.path("mine"), F_OK) == 0)
            }
        }

        @Test func anEphemeralSandboxGoesWithItsGuestAndStaysWhereItFailed() throws {
            try TestSandbox.with("brief-guest", options: ["--ephemeral"]) { sandbox in
                let first = Witnesses(try sandbox.processes().all)
                _ = try sandbox.shell("poweroff -f", within: 90)
                #expect(first.waitForEnd(within: 60).isEmpty)
                #expect(try !isThere(sandbox))

                try sandbox.startAgain(["--ephemeral"])
                let witnesses = Witnesses(try sandbox.processes().all)
                kill(try sandbox.processes().monitor, SIGKILL)
                #expect(witnesses.waitForEnd(within: 20).isEmpty)
                #expect(try sandbox.state() == "error", "why it failed is still to be read")
                try sandbox.startAgain()
                try sandbox.keystone.mustSucceed(["stop", "--force", sandbox.name])
                #expect(try !isThere(sandbox), "what it was made with counts for each start")
            }
        }

        @Test func aTerminatedMonitorStopsItsSandbox() throws {
            try TestSandbox.with("terminated") { sandbox in
                let processes = try sandbox.processes()
                let witnesses = Witnesses(processes.all)
                #expect(kill(processes.monitor, SIGTERM) == 0)
                #expect(witnesses.waitForEnd(within: 30).isEmpty)
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
                #expect(try sandbox.state() == "stopped")
            }
        }
    }
}
