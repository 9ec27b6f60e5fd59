import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Monitors in units of a user manager, which stands in for systemd here: it takes connections, and its `systemd-run`
    /// starts what it is given. `SystemdUnits` has systemd itself.
    @Suite struct Units {
        private func keystone(_ name: String, runner script: String) throws -> (Keystone, OwnedDescriptor) {
            let folder = try Room.shared().makeFolder("manager-" + name)
            let project = try Project(name)
            try HostProgram.run(["mkdir", "-p", folder + "/systemd", folder + "/bin"])
            let manager = OwnedDescriptor(try UnixSocket.listen(at: folder + "/systemd/private"))
            try HostProgram.run(["touch", folder + "/bus"])
            let file = try FileDescriptor.open(folder + "/bin/systemd-run", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o755)
            try file.writeAll(Array("#!/bin/sh\nprintf '%s\\n' \"$@\" > \(folder)/asked\n\(script)\n".utf8))
            var keystone = try Keystone(in: project.folder)
            keystone.environment["XDG_RUNTIME_DIR"] = folder
            keystone.environment["PATH"] = folder + "/bin:/usr/bin:/bin"
            return (keystone, manager)
        }

        @Test func aMonitorRunsInAUnitAndEndsInOrderWithIt() throws {
            // As systemd does: the program gets the descriptors and a session of its own, and is nobody's child here.
            let runner = "while [ \"$1\" != -- ]; do shift; done; shift; exec 3<&0; setsid \"$@\" <&3 3<&- & wait"
            let (keystone, manager) = try keystone("unit", runner: runner)
            try TestSandbox.with("unit", keystone: keystone, project: try Project("unit")) { sandbox in
                #expect(try sandbox.exec("echo", "here").line == "here")
                let status = try keystone.mustSucceed(["status", sandbox.name])
                #expect(status.text.contains("keystone-unit-") && status.text.contains("user manager"), "\(status)")
                let asked = try String(
                    contentsOfFile: (keystone.environment["XDG_RUNTIME_DIR"] ?? "") + "/asked", encoding: .utf8)
                #expect(asked.contains("KillMode=control-group\n") && asked.contains("--pipe\n"), "\(asked)")
                let monitor = try sandbox.processes().monitor
                let environment = try HostProgram.run(["cat", "/proc/\(monitor)/environ"]).text
                #expect(environment.contains("KEYSTONE_AGENT_UNIT=keystone-unit-") && !environment.contains("TERM="))
                // What the unit's ExecStop runs.
                let stop = try Running(
                    SpawnRequest(
                        path: try Room.shared().program, arguments: ["agent", MonitorProcess.endVerb, "\(monitor)"],
                        environment: [], descriptors: [])
                ).finish(within: 60)
                #expect(stop.code == 0, "\(stop)")
                #expect(try sandbox.state() == "stopped")
                let events = try keystone.mustSucceed(["logs", sandbox.name, "--events"]).text
                #expect(events.contains("stopped by=request"), "\(events)")
                #expect(Traces.of(sandbox).isEmpty)
            }
            withExtendedLifetime(manager) {}
        }

        @Test func aManagerThatRefusesIsDoneWithout() throws {
            let (keystone, manager) = try keystone(
                "refused", runner: "echo 'Failed to start transient unit' >&2; exit 1")
            try TestSandbox.with("refused", keystone: keystone, project: try Project("refused")) { sandbox in
                let (words, status) = (
                    try sandbox.exec("echo", "here"), try keystone.mustSucceed(["status", "refused"])
                )
                #expect(words.line == "here" && !status.text.contains("user manager"))
                let logs = try keystone.mustSucceed(["logs", sandbox.name]).text
                #expect(logs.contains("Failed to start transient unit"), "\(logs)")
            }
            withExtendedLifetime(manager) {}
        }

        @Test func anIdleSandboxIsStoppedAndABusyOneIsNot() throws {
            try TestSandbox.with("idle", options: ["--idle-timeout", "3s"]) { sandbox in
                let busy = try sandbox.exec("sleep", "6")
                #expect(busy.code == 0, "longer than the time limit: \(busy)")
                let forward = try sandbox.keystone.begin(["forward", sandbox.name, "0:80"])
                try forward.wait(forOutput: " -> 80\n")
                let stoppedEarly = try FileWatch.wait(in: sandbox.stateFolder, within: 5) {
                    (try? sandbox.state()) != "running"
                }
                #expect(!stoppedEarly, "while somebody forwards")
                try forward.send(SIGKILL)
                let stopped = try FileWatch.wait(in: sandbox.stateFolder, within: 30) {
                    (try? sandbox.state()) == "stopped"
                }
                #expect(stopped)
                let events = try sandbox.keystone.mustSucceed(["logs", sandbox.name, "--events"]).text
                #expect(events.contains("stopped by=idle"), "\(events)")
                let late = try sandbox.exec("true")
                #expect(late.code == 125 && late.errorText.contains("stopped"), "\(late)")
            }
        }
    }
}
