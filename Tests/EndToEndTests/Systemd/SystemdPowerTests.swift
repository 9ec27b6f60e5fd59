import Foundation
import LinuxSystem
import Testing

extension EndToEnd {
    /// The end of a guest under systemd, in order.
    @Suite(.enabled(if: TestGuest.current == .systemd)) struct SystemdPower {
        @Test func stopEndsServicesAndSessionsInOrder() throws {
            try TestSandbox.with("systemd-power") { sandbox in
                let machineID = try sandbox.exec("cat", "/etc/machine-id").line
                // A service and a session that say on the share how they ended, and a session that does not want to.
                let service = """
                    systemd-run --quiet --unit=witness sh -c 'trap "echo service >>/workspace/ended; exit" TERM; \
                    echo up >/workspace/up; while :; do sleep 0.1; done'
                    (trap 'echo session >>/workspace/ended; exit' TERM; while :; do sleep 0.1; done) >/dev/null 2>&1 &
                    sh -c 'trap "" TERM HUP; while :; do sleep 0.1; done' >/dev/null 2>&1 &
                    while ! test -e /workspace/up; do sleep 0.05; done
                    """
                #expect(try sandbox.shell(service).code == 0)
                let stopped = try sandbox.keystone.agent("stop", sandbox.name)
                #expect(stopped.code == 0 && !stopped.errorText.contains("kill"), "\(stopped)")
                // systemd itself would wait for 90 seconds.
                #expect(stopped.seconds < 60, "\(stopped.seconds) s")
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
                let ended = String(decoding: try sandbox.project.read("ended"), as: UTF8.self)
                #expect(Set(ended.split(separator: "\n")) == ["service", "session"], "\(ended)")
                let console = try String(contentsOfFile: sandbox.stateFolder + "/console.log", encoding: .utf8)
                #expect(console.contains("Power down") && !console.contains("FAILED"), "\(console)")

                try sandbox.startAgain()
                #expect(try sandbox.exec("cat", "/etc/machine-id").line == machineID)
                // The guest ends itself, as somebody in it would.
                let witnesses = Witnesses(try sandbox.processes().all)
                _ = try sandbox.shell("systemctl poweroff; sleep 60")
                #expect(witnesses.waitForEnd(within: 60).isEmpty)
                #expect(try sandbox.state() == "stopped")
            }
        }
    }
}
