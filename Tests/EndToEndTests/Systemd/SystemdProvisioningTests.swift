import Foundation
import LinuxSystem
import Testing

extension EndToEnd {
    /// What a guest under systemd has been given when `start` returns.
    @Suite(.enabled(if: TestGuest.current == .systemd)) struct SystemdProvisionings {
        let guest: SystemdSandbox
        var sandbox: TestSandbox { guest.sandbox }
        init() throws { guest = try SystemdSandbox.get() }

        private struct Step: Decodable {
            let step: String
            let outcome: String
            let note: String
        }

        @Test func everyStepWentWellAndASecondRunChangesNothing() throws {
            let first = try sandbox.keystone.mustSucceed(["provision", sandbox.name, "--json"])
            let again = try sandbox.keystone.mustSucceed(["provision", sandbox.name, "--json"])
            for step in try JSONDecoder().decode([Step].self, from: Data(first.output)) {
                #expect(step.outcome != "failed", "\(step)")
            }
            for step in try JSONDecoder().decode([Step].self, from: Data(again.output))
            where step.step != "clock" && step.step != "entropy" {
                #expect(step.outcome == "unchanged", "\(step)")
            }
        }

        @Test func theUserHasTheOwnersNumbersAndAHome() throws {
            let script = "id -u; id -g; id -un; echo \"$HOME\"; stat -c '%u:%g %a' \"$HOME\"; getent passwd sandbox"
            let finished = try sandbox.shell(script)
            #expect(
                finished.lines.prefix(5) == ["54321", "54322", "sandbox", "/home/sandbox", "54321:54322 700"],
                "\(finished)")
            #expect(finished.lines.last?.hasSuffix(":/home/sandbox:/bin/bash") == true, "\(finished)")
            #expect(
                try sandbox.shell("touch \"$HOME/mine\" /workspace/mine && cat \"$HOME/.bashrc\" | grep -c .").code == 0
            )
        }

        @Test func nameAndClockAreTheSandboxesAndTheHosts() throws {
            #expect(try sandbox.exec("hostnamectl", "hostname").line == "systemd")
            #expect(try sandbox.exec("getent", "hosts", "systemd").code == 0)
            let time = try sandbox.exec("date", "+%s")
            #expect(abs((Double(time.line) ?? 0) - Date().timeIntervalSince1970) < 2 + time.seconds, "\(time)")
        }

        @Test func gitKnowsWhoCommitsAndWorksInTheWorkspace() throws {
            let script = """
                cd / && git config user.name && git config user.email && cd /workspace && git status --short >/dev/null
                git add README.md && git commit -q -m first && git log -1 --format='%an <%ae>'
                """
            #expect(
                try sandbox.shell(script).lines == ["Ada ✓", "ada@example.org", "Ada ✓ <ada@example.org>"])
        }

        @Test func tokensAreInMemoryAndInTheUsersCommandsOnly() throws {
            let look = "echo \"$ANTHROPIC_API_KEY\"; cat /run/keystone/tokens/ANTHROPIC_API_KEY 2>/dev/null"
            #expect(
                try sandbox.shell(look + "; stat -fc %T /run/keystone/tokens").lines
                    == [SystemdSandbox.token, SystemdSandbox.token + "tmpfs"])
            #expect(try sandbox.exec(["sh", "-c", look], options: ["-u", "nobody"]).line.isEmpty)
            let journal = try guest.asRoot("journalctl --no-pager -b -o export | grep -c '\(SystemdSandbox.token)'")
            #expect(journal.line == "0", "\(journal)")
        }

        @Test func sudoNeedsNoPassword() throws {
            #expect(try sandbox.exec("sudo", "-n", "id", "-un").line == "root")
        }

        @Test func sshLetsInWhoHasTheKeyAndNobodyElse() throws {
            let options =
                "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
            let key = Array(try String(contentsOfFile: guest.privateKey, encoding: .utf8).utf8)
            let script = """
                umask 077; cat >/tmp/key; touch $XDG_RUNTIME_DIR/socket
                ssh \(options) -i /tmp/key sandbox@127.0.0.1 'id -un; ls $XDG_RUNTIME_DIR/socket; touch $XDG_RUNTIME_DIR/other'
                ls $XDG_RUNTIME_DIR/other
                rm /tmp/key; ssh \(options) sandbox@127.0.0.1 true; echo $?
                """
            let finished = try sandbox.exec(["sh", "-c", script], options: ["-i"], input: .bytes(key), within: 60)
            // A login and the agent's sessions share XDG_RUNTIME_DIR.
            let folder = "/run/user/54321"
            #expect(finished.lines == ["sandbox", folder + "/socket", folder + "/other", "255"], "\(finished)")
            #expect(finished.errorText.contains("Permission denied (publickey)"), "\(finished)")
            let methods = try guest.asRoot("sshd -T | grep -Ec '^(password|kbdinteractive)authentication no'")
            #expect(methods.line == "2", "\(methods)")
        }
    }
}
