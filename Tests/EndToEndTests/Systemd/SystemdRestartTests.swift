import AgentProtocol
import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// systemd ends the agent and starts another, and what runs in the guest goes on.
    @Suite(.enabled(if: TestGuest.current == .systemd)) struct SystemdRestarts {
        let guest: SystemdSandbox
        var sandbox: TestSandbox { guest.sandbox }
        init() throws { guest = try SystemdSandbox.get() }

        /// Ends the agent while a detached session, a background child and an attached command run.
        private func endAgentAmongSessions(_ number: Int, _ script: String) throws {
            let (left, detached, attached) = ("sleep \(number)1", "sleep \(number)2", "sleep \(number)3")
            #expect(try sandbox.shell("\(left) >/dev/null 2>&1 & echo ok").line == "ok")
            try LibraryExec.detach(GuestConnection.endpoint(sandbox: sandbox.name, in: sandbox.directory), detached)
            let lost = try sandbox.begin(["sh", "-c", "echo up; \(attached)"])
            try lost.wait(forOutput: "up")
            for command in [left, detached, attached] {
                #expect(try GuestWatch.appeared("[s]" + command.dropFirst(), in: sandbox), "\(command)")
            }
            let boot = try sandbox.exec("cat", "/proc/sys/kernel/random/boot_id").line
            try guest.endAgent(script)

            let finished = try lost.finish(within: 20)
            #expect(finished.code == 125 && finished.isOneClearSentence, "\(finished)")
            #expect(try sandbox.shell("id -un; cat /proc/sys/kernel/random/boot_id").lines == ["sandbox", boot])
            // Nobody is left to tell how the attached one ends, so it is ended.
            #expect(try GuestWatch.ended("[s]" + attached.dropFirst(), in: sandbox, within: 5))
            let processes = try guest.asRoot("ps -eo args")
            #expect(processes.lines.contains(left) && processes.lines.contains(detached), "\(processes)")
            #expect(try guest.asRoot("pkill -f '^\(left)|^\(detached)'").code == 0)
            // Their cgroups go with them.
            let group = "/sys/fs/cgroup/system.slice/\(SystemdImage.service)/sessions"
            let busy = try guest.asRoot("grep -l 'populated 1' \(group)/*/cgroup.events | wc -l")
            #expect(busy.line == "1", "only the session that asks: \(busy)")
        }

        @Test func aRestartBySystemctlLeavesSessionsAlone() throws {
            try endAgentAmongSessions(8201, "systemctl restart --no-block \(SystemdImage.service); sleep 60")
        }

        @Test func aKilledAgentIsStartedAgain() throws {
            try endAgentAmongSessions(
                8202, "kill -9 $(systemctl show -P MainPID \(SystemdImage.service)); sleep 60")
        }

        @Test func anAgentThatHangsIsReplacedByTheWatchdog() throws {
            // The module's 30 seconds would be half a minute of waiting; a drop-in of the guest's own makes it two.
            let shorter = """
                mkdir -p /run/systemd/system/\(SystemdImage.service).d
                printf '[Service]\\nWatchdogSec=2\\n' >/run/systemd/system/\(SystemdImage.service).d/test.conf
                systemctl daemon-reload && systemctl restart --no-block \(SystemdImage.service); sleep 60
                """
            try guest.endAgent(shorter)
            #expect(try guest.property("WatchdogUSec") == "2s")
            try endAgentAmongSessions(
                8203, "kill -STOP $(systemctl show -P MainPID \(SystemdImage.service)); sleep 60")
            let journal = try guest.asRoot("journalctl --no-pager -o cat -u \(SystemdImage.service)")
            #expect(journal.text.contains("Watchdog timeout"), "\(journal)")
            let longer = """
                rm -r /run/systemd/system/\(SystemdImage.service).d; systemctl daemon-reload
                systemctl restart --no-block \(SystemdImage.service); sleep 60
                """
            try guest.endAgent(longer)
        }
    }
}
