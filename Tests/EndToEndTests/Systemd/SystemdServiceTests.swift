import Foundation
import LinuxSystem
import Testing

extension EndToEnd {
    /// The agent as the service that the guest module describes.
    @Suite(.enabled(if: TestGuest.current == .systemd)) struct SystemdServices {
        let guest: SystemdSandbox
        var sandbox: TestSandbox { guest.sandbox }
        init() throws { guest = try SystemdSandbox.get() }

        /// Directives of the unit that came after Debian 12's systemd 252, which says so and goes on.
        private static let newer: Set = ["DelegateSubgroup", "ImportCredential", "RestartMaxDelaySec", "RestartSteps"]

        @Test func systemdFindsNothingWrongWithTheUnit() throws {
            let unit = "/etc/systemd/system/" + SystemdImage.service
            let finished = try guest.asRoot("SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no \(unit)")
            #expect(finished.code == 0, "\(finished)")
            var unknown: Set<String> = []
            for line in (finished.text + finished.errorText).split(separator: "\n") where line.contains(unit) {
                let key = line.components(separatedBy: "Unknown key '").dropFirst().first?.prefix { $0 != "'" }
                guard let key else {
                    Issue.record("\(line)")
                    continue
                }
                unknown.insert(String(key))
            }
            #expect(unknown == Self.newer, "\(finished)")
        }

        @Test func readyIsToldToSystemdAndTheWatchdogRuns() throws {
            #expect(try guest.property("ActiveState") == "active")
            #expect(try guest.property("Type") == "notify")
            #expect(try guest.property("WatchdogUSec") == "30s")
            #expect(try guest.property("OOMScoreAdjust") == "-900")
            #expect(try guest.property("Delegate") == "yes")
            let failed = try guest.asRoot("systemctl --failed --no-legend --plain")
            #expect(failed.code == 0 && failed.output.isEmpty, "\(failed)")
        }

        @Test func everySessionHasACgroupOfItsOwnBelowTheService() throws {
            let base = "0::/system.slice/\(SystemdImage.service)"
            let first = try sandbox.begin(["sh", "-c", "cat /proc/self/cgroup; cat"], options: ["-i"], input: .open)
            try first.wait(forOutput: "\n")
            let second = try sandbox.exec("cat", "/proc/self/cgroup")
            #expect(first.text.hasPrefix(base + "/sessions/s") && second.text.hasPrefix(base + "/sessions/s"))
            #expect(first.text != second.text, "two sessions share \(second.line)")
            first.closeInput()
            _ = try first.finish()
            let agent = try guest.asRoot("cat /proc/$(systemctl show -P MainPID \(SystemdImage.service))/cgroup")
            #expect(agent.line == base + "/agent", "\(agent)")
        }

        @Test func commandsInheritNothingOfTheService() throws {
            let script = """
                env | grep -E '^(NOTIFY_SOCKET|WATCHDOG|CREDENTIALS_DIRECTORY|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_)'
                cat /proc/self/oom_score_adj; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; ulimit -n; umask
                """
            let finished = try sandbox.shell(script)
            #expect(finished.lines == ["0", "NoNewPrivs:\t0", "Seccomp:\t0", "1024", "0022"], "\(finished)")
        }

        @Test func theJournalHasTheAgentsLog() throws {
            // A step that fails is logged by the agent.
            #expect(try guest.asRoot("chmod 0777 /home").code == 0)
            _ = try sandbox.keystone.agent("provision", sandbox.name, "--only", "home")
            #expect(try guest.asRoot("chmod 0755 /home").code == 0)
            let journal = try guest.asRoot(
                "journalctl --no-pager -o cat -t keystone-guest-agent -u \(SystemdImage.service)")
            #expect(
                journal.text.contains("where the home of sandbox is, can be changed by others than root"),
                "\(journal)")
            // From the boot's first moments too: journald's files lie under the machine id that it found then.
            let boots = try guest.asRoot(
                "journalctl --no-pager -b -o cat _PID=1 | grep -c 'Started.*Keystone guest agent'; ls /var/log/journal")
            let machineID = try sandbox.exec("cat", "/etc/machine-id").line
            #expect((Int(boots.lines.first ?? "") ?? 0) >= 1 && boots.lines.dropFirst() == [machineID], "\(boots)")
        }
    }
}
