import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// What a guest has been given when `start` returns, and after its agent had to come back.
    @Suite struct Provisionings {
        private static let name = "Søren \"Q\" O'Neil 100%s \\ ✓"
        private static let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a b ✓"

        private struct Step: Decodable {
            let step: String
            let outcome: String
            let note: String
        }

        private func provision(_ sandbox: TestSandbox, _ options: [String] = []) throws -> [Step] {
            let finished = try sandbox.keystone.agent(["provision", sandbox.name, "--json"] + options)
            #expect(finished.code == 0, "\(finished)")
            return try JSONDecoder().decode([Step].self, from: Data(finished.output))
        }

        /// A home with an SSH key, and a project with somebody who commits.
        private func prepare(_ name: String) throws -> (Keystone, Project) {
            let (home, project) = (try Room.shared().makeFolder("home-" + name), try Project(name))
            try FileManager.default.createDirectory(atPath: home + "/.ssh", withIntermediateDirectories: true)
            try Data((Self.key + "\n").utf8).write(to: URL(fileURLWithPath: home + "/.ssh/id_ed25519.pub"))
            var keystone = try Keystone(in: project.folder)
            keystone.environment["HOME"] = home
            try setName(Self.name, project)
            try HostProgram.run(["git", "-C", project.folder, "config", "user.email", "søren@example.org"])
            return (keystone, project)
        }

        private func setName(_ name: String, _ project: Project) throws {
            try HostProgram.run(["git", "-C", project.folder, "config", "user.name", name])
        }

        private func identity(_ sandbox: TestSandbox) throws -> [String] {
            // Outside of the project, whose own configuration the guest has anyway.
            try sandbox.shell("cd / && git config user.name && git config user.email").lines
        }

        @Test func aGuestIsReadyWhenStartReturnsAndStaysItself() throws {
            let (keystone, project) = try prepare("provisioned")
            try TestSandbox.with("provisioned", keystone: keystone, project: project) { sandbox in
                #expect(try sandbox.exec("uname", "-n").line == "provisioned")
                let guestTime = try sandbox.exec("date", "+%s")
                let difference = (Double(guestTime.line) ?? 0) - Date().timeIntervalSince1970
                #expect(abs(difference) < 2 + guestTime.seconds, "the clock is off by \(difference) s")
                let machineID = try sandbox.exec("cat", "/etc/machine-id").line
                #expect(machineID.utf8.count == 32 && machineID != String(repeating: "0", count: 32), "\(machineID)")
                #expect(try identity(sandbox) == [Self.name, "søren@example.org"])
                let keys = try sandbox.shell(
                    "cat \"$HOME/.ssh/authorized_keys\"; stat -c %a \"$HOME/.ssh/authorized_keys\"")
                #expect(keys.lines.contains(Self.key) && keys.lines.last == "600", "\(keys)")
                #expect(try sandbox.shell("cd /workspace && git status --short").code == 0)

                _ = try provision(sandbox)
                for step in try provision(sandbox) where step.step != "clock" && step.step != "entropy" {
                    #expect(step.outcome == "unchanged", "\(step)")
                }
                let status = try sandbox.keystone.mustSucceed(["status", sandbox.name])
                #expect(status.text.contains("(uid \(getuid()))") && status.text.contains("in full"), "\(status)")

                try setName("Another", project)
                #expect(try provision(sandbox, ["--only", "git"]).map(\.step) == ["git"])
                #expect(try identity(sandbox).first == "Another")

                try sandbox.keystone.mustSucceed(
                    ["restart", sandbox.name], within: TestSandbox.startSeconds)
                #expect(try sandbox.exec("cat", "/etc/machine-id").line == machineID)
                #expect(try identity(sandbox).first == "Another")
            }
        }

        @Test func whoCommitsCanBeSaidAndIsKept() throws {
            let (keystone, project) = try prepare("committer")
            let options = ["--git-name", "Flag \"F\" ✓"]
            try TestSandbox.with("committer", options: options, keystone: keystone, project: project) { sandbox in
                #expect(try identity(sandbox) == ["Flag \"F\" ✓", "søren@example.org"])
                try sandbox.keystone.mustSucceed(["restart", sandbox.name], within: TestSandbox.startSeconds)
                #expect(try identity(sandbox).first == "Flag \"F\" ✓")
            }
        }

        /// In a guest, since its clock is nobody else's: the way in which the monitor notices on the host, and what it then asks
        /// of the guest.
        @Test func aClockThatIsSetIsNoticedAndTheGuestsIsSetAgain() throws {
            let sandbox = try SharedSandbox.get()
            let probe = "keystone-guest-probe"
            #expect(try sandbox.exec(probe, "clock-change").line == "2")
            #expect(try sandbox.exec("date", "-s", "2001-02-03 04:05:06").code == 0)
            let steps = try provision(sandbox, ["--only", "clock"])
            #expect(steps.map(\.outcome) == ["done"] && steps[0].note.contains("behind"), "\(steps)")
            let guestTime = try sandbox.exec("date", "+%s")
            #expect(abs((Double(guestTime.line) ?? 0) - Date().timeIntervalSince1970) < 2 + guestTime.seconds)
            #expect(try provision(sandbox, ["--only", "clock"]).count == 1)
        }

        @Test func aStepThatThereIsNotIsRefusedWithASuggestion() throws {
            let sandbox = try SharedSandbox.get()
            let finished = try sandbox.keystone.agent("provision", sandbox.name, "--only", "hostnam")
            #expect(finished.code == 2 && finished.isOneClearSentence, "\(finished)")
            #expect(finished.errorText.contains("Did you mean hostname?"), "\(finished)")
        }
    }
}
