import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// What a sandbox and its guest said, in one timeline.
    @Suite struct Logs {
        @Test func oneTimelineOfHostConsoleAgentAndUnits() throws {
            let keystone = try Keystone()
            let project = try Project("logged")
            try keystone.mustSucceed(
                ["create", "--name", "logged", "--memory", "1024", "--vcpus", "2", project.folder])
            try TestSandbox.with("logged", project: project) { sandbox in
                try appearInOrder(sandbox)
                try unitsNeedSystemd(sandbox)
                try unitsComeByTheGuestsJournal(sandbox)
                try followingEndsWithTheSandbox(sandbox)
            }
        }

        private func lines(_ sandbox: TestSandbox, _ options: [String] = []) throws -> [[String: String]] {
            let text = try sandbox.keystone.mustSucceed(["logs", sandbox.name, "--json"] + options).text
            return try text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String])
            }
        }

        private func appearInOrder(_ sandbox: TestSandbox) throws {
            let begun = Date()
            #expect(try sandbox.shell("echo 'from the guest' > /dev/console").code == 0)
            let all = try lines(sandbox)
            let times = all.compactMap { $0["time"] }
            #expect(times == times.sorted() && times.count == all.count)
            let texts = all.compactMap { $0["text"] }
            let running = try #require(texts.firstIndex { $0.hasPrefix("running") })
            let guest = try #require(texts.firstIndex { $0 == "from the guest" })
            #expect(running < guest && texts.contains { $0.hasPrefix("stage") })
            #expect(all[guest]["source"] == "console")
            let time = try #require(all[guest]["time"].flatMap(LogEvent.time))
            #expect(time.timeIntervalSince(begun) > -1 && Date().timeIntervalSince(time) > -1, "when the host got it")
            #expect(try lines(sandbox, ["--tail", "1"]).count == 1)
            #expect(try lines(sandbox, ["--console"]).allSatisfy { $0["source"] == "console" })
        }

        private func unitsNeedSystemd(_ sandbox: TestSandbox) throws {
            let refused = try sandbox.keystone.agent(["logs", sandbox.name, "--unit", "sshd"])
            #expect(refused.code == 1 && refused.errorText.contains("no systemd"), "\(refused)")
        }

        /// A journalctl that says what a hostile one may.
        private func unitsComeByTheGuestsJournal(_ sandbox: TestSandbox) throws {
            let script = """
                cat > /usr/bin/journalctl <<'END'
                #!/bin/sh
                now=$(date +%s)000000
                echo "{\\"__REALTIME_TIMESTAMP\\":\\"$now\\",\\"_SYSTEMD_UNIT\\":\\"web.service\\",\\"MESSAGE\\":\\"served $*\\"}"
                echo '{"__REALTIME_TIMESTAMP":"1e99","MESSAGE":"never"}'
                head -c 300000 /dev/zero | tr '\\0' x; echo
                echo "{\\"__REALTIME_TIMESTAMP\\":\\"$now\\",\\"_SYSTEMD_UNIT\\":\\"web.service\\",\\"MESSAGE\\":[27,91,50,74,104]}"
                END
                chmod 755 /usr/bin/journalctl
                """
            #expect(try sandbox.exec(["sh", "-c", script], options: ["-u", "root"]).code == 0)
            let units = try lines(sandbox, ["--unit", "web"])
            #expect(units.count == 2 && units.allSatisfy { $0["unit"] == "web.service" }, "\(units)")
            #expect(units.first?["text"]?.contains("--unit=web") == true)
            let shown = try sandbox.keystone.mustSucceed(["logs", sandbox.name, "--unit", "web"]).text
            #expect(shown.contains("\\u{1B}[2Jh") && !shown.contains("\u{1B}"), "\(shown)")
            #expect(try sandbox.exec(["rm", "/usr/bin/journalctl"], options: ["-u", "root"]).code == 0)
        }

        private func followingEndsWithTheSandbox(_ sandbox: TestSandbox) throws {
            let following = try sandbox.keystone.begin(["logs", sandbox.name, "--follow", "--tail", "1"])
            try following.wait("the last line there is", within: 30) { !$0.text.isEmpty }
            #expect(try sandbox.shell("echo 'said later' > /dev/console").code == 0)
            try following.wait("what came", within: 30) { $0.text.contains("said later") }
            try sandbox.keystone.mustSucceed(["stop", sandbox.name])
            let finished = try following.finish(within: 30)
            #expect(finished.code == 0 && finished.text.contains("stopped by=request"), "\(finished)")
            let after = try sandbox.keystone.mustSucceed(["logs", sandbox.name])
            #expect(after.text.contains("said later") && after.text.contains("stopped"))
        }
    }
}
