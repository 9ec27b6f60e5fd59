import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Provisioning again and again: it changes nothing, whatever died in between.
    @Suite(.enabled(if: getuid() == 0)) struct RepeatedProvisioning {
        /// A system group's number that the guest's user is to have as their primary group, and a uid.
        private static let user = SpawnRequest.Identity(userID: 4324, groupID: 4325, groups: [4325])
        /// What a run of a step changes by its nature: the clock by what it went wrong, the pool always.
        private static let moving: Set = ["clock", "entropy"]

        private struct Step: Decodable {
            let step: String
            let outcome: String
            let note: String
        }

        private func provision(_ sandbox: TestSandbox) throws -> [Step] {
            let finished = try sandbox.keystone.agent(["provision", sandbox.name, "--json"])
            guard finished.code == 0 else { throw Complaint("provision: \(finished)") }
            return try JSONDecoder().decode([Step].self, from: Data(finished.output))
        }

        private func expectNothingToDo(_ sandbox: TestSandbox) throws {
            for step in try provision(sandbox) where !Self.moving.contains(step.step) {
                #expect(step.outcome == "unchanged", "\(step)")
            }
        }

        /// Everything that provisioning writes, with inode numbers; leftovers of a killed run, too.
        private static let picture = """
            cd / && for f in etc/hostname etc/hosts etc/machine-id etc/passwd etc/group etc/shadow etc/gitconfig run/keystone-user \
            home/sandbox home/sandbox/.ssh/authorized_keys; do stat -c '%n %i %a %u:%g %s' $f 2>&1; md5sum $f 2>/dev/null; done
            find etc run home -xdev -name '*keystone-new*'
            """

        private func picture(_ sandbox: TestSandbox) throws -> [String] {
            try sandbox.exec(["sh", "-c", Self.picture], options: ["-u", "root"]).lines
        }

        @Test(arguments: ["none", "mapped"]) func aSecondRunChangesNothing(security: String) throws {
            let name = "again-" + security
            let project = try Project(name, owner: Self.user)
            // As an ordinary user the share is `none`, as root `mapped`.
            let keystone =
                security == "none" ? try Keystone(of: Self.user, home: "home-" + name, in: project.folder) : nil
            try TestSandbox.with(name, keystone: keystone, project: project) { sandbox in
                let before = try picture(sandbox)
                try expectNothingToDo(sandbox)
                try expectNothingToDo(sandbox)
                #expect(try picture(sandbox) == before)
                let told = try sandbox.keystone.mustSucceed(["status", name]).text
                #expect(told.contains(security + ", because"), "\(told)")
            }
        }

        /// Kills every agent there is, and PID 1, which watches over it and which the kernel protects.
        private static let killing = """
            kill -9 1; for p in /proc/[0-9]*; do
                case $(readlink $p/exe) in */keystone-guest-agent) kill -9 ${p#/proc/};; esac
            done; sleep 100
            """

        private func returns(_ sandbox: TestSandbox) -> Int {
            let text = (try? String(contentsOfFile: sandbox.directory.eventsFile(sandbox.name), encoding: .utf8)) ?? ""
            return text.components(separatedBy: "\"agent.returned\"").count - 1
        }

        @Test func anAgentThatIsKilledWhileItProvisionsLeavesNothingHalfDone() throws {
            let project = try Project("killed", owner: Self.user)
            try TestSandbox.with("killed", project: project) { sandbox in
                let before = try picture(sandbox).map(Self.withoutInode)
                for round in 0..<6 {
                    // Something to be written each time.
                    let removing = """
                        rm -rf /etc/gitconfig /etc/machine-id /home/sandbox
                        sed -i s/^sandbox:x:[0-9]*/sandbox:x:1000/ /etc/passwd
                        """
                    #expect(try sandbox.exec(["sh", "-c", removing], options: ["-u", "root"]).code == 0)
                    let seen = returns(sandbox)
                    let killer = try sandbox.begin(["sh", "-c", Self.killing], options: ["-u", "root"])
                    // Each round asks at other moments of the agent's end and return.
                    for _ in 0...round { _ = try? provision(sandbox) }
                    _ = try killer.finish(within: 30)
                    let isBack = try FileWatch.wait(in: sandbox.stateFolder, within: 30) { returns(sandbox) > seen }
                    #expect(isBack, "the agent did not come back")
                    #expect(
                        try sandbox.shell("id -u; id -un; cd && touch mine && echo ok").lines == [
                            "4324", "sandbox", "ok",
                        ])
                }
                try expectNothingToDo(sandbox)
                let after = try picture(sandbox).map(Self.withoutInode)
                #expect(after == before, "\(before) then \(after)")
            }
        }

        /// What stat(1) tells here has the number second.
        private static func withoutInode(_ line: String) -> String {
            var words = line.split(separator: " ")
            if words.count == 5 { words.remove(at: 1) }
            // A folder's size is what was ever in it, and a new home has a file of the test's.
            if words.first == "home/sandbox" { words.removeLast() }
            return words.joined(separator: " ")
        }

        /// The guest's image has accounts of its own; the project's owner has the numbers of one of them.
        @Test func aNumberThatTheGuestHasAlreadyIsMadeRoomFor() throws {
            let taken = SpawnRequest.Identity(userID: 1000, groupID: 100, groups: [100])
            let project = try Project("collision", owner: taken)
            try TestSandbox.with("collision", project: project) { sandbox in
                #expect(
                    try sandbox.shell("id -u; id -g; id -un; touch /workspace/mine && echo ok").lines
                        == ["1000", "100", "sandbox", "ok"])
                // Somebody of the guest takes the number that the project's next owner will have.
                let adding = """
                    echo 'other:x:2222:2222::/home/other:/bin/sh' >> /etc/passwd; echo 'other:x:2222:' >> /etc/group
                    mkdir /home/other && chown 2222:2222 /home/other
                    """
                #expect(try sandbox.exec(["sh", "-c", adding], options: ["-u", "root"]).code == 0)
                try HostProgram.run(["chown", "-R", "2222:2222", project.folder])
                let user = try #require(try provision(sandbox).first { $0.step == "user" })
                #expect(user.outcome == "done" && user.note.contains("other") && user.note.contains("2222"), "\(user)")
                #expect(
                    try sandbox.shell("id -u; id -g; id -un; cd && touch mine && echo ok").lines
                        == ["2222", "2222", "sandbox", "ok"])
                let other = try sandbox.exec(["sh", "-c", "id -u other; id -u"], options: ["-u", "root"])
                #expect(other.code == 0 && other.lines.first != "2222", "\(other)")
                try expectNothingToDo(sandbox)
            }
        }
    }
}
