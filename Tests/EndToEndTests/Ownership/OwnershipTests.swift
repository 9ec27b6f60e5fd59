import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Files of several users of the host, on the share of a project that is another user's. Root runs the sandbox, so the
    /// share is `mapped`.
    @Suite(.enabled(if: getuid() == 0)) struct OwnershipInTheGuest {
        private static let user = SpawnRequest.Identity(userID: 4321, groupID: 4321, groups: [4321])

        /// What scripts read.
        private struct Report: Decodable {
            let rightByConstruction: Bool
            let seen: Int
            let changed: Int
            let notFixed: Int
            let problems: [Problem]
            struct Problem: Decodable {
                let code: String
                let examples: [String]
            }
        }

        private func report(_ sandbox: TestSandbox, _ words: String..., code: Int32 = 0) throws -> Report {
            let finished = try sandbox.keystone.agent(["fix-ownership", "--json", sandbox.name] + words)
            #expect(finished.code == code, "\(finished)")
            return try JSONDecoder().decode(Report.self, from: Data(finished.output))
        }

        @Test func filesOfOtherUsersBelongToTheGuestsUserWhileItRuns() throws {
            let project = try Project("owned", owner: Self.user)
            try project.write("from-before", [])
            try TestSandbox.with("owned", project: project) { sandbox in
                #expect(try sandbox.shell("stat -c '%u:%g' /workspace/from-before").lines == ["4321:4321"])
                #expect(try report(sandbox).notFixed == 0)
                try project.write("of-root", Array("root".utf8))
                try project.write("read-only", Array("root".utf8), mode: 0o444)
                #expect(mkdir(project.path("folder"), 0o755) == 0)
                try project.write("folder/new\nline", [])
                // The watch has made them right meanwhile; what the guest gives to somebody it leaves alone.
                let giving = "cd /workspace && chown -R 0:0 of-root read-only folder"
                #expect(try sandbox.exec(["sh", "-c", giving], options: ["-u", "root"]).code == 0)
                let owners = "cd /workspace && stat -c '%u:%g %a' of-root read-only folder folder/new*"
                let before = try sandbox.shell(owners)
                #expect(before.lines == ["0:0 644", "0:0 444", "0:0 755", "0:0 644"], "\(before)")

                #expect(try report(sandbox, "--dry-run").changed == 4)
                #expect(try sandbox.shell(owners).lines == before.lines)
                #expect(try report(sandbox, "--", "of-root").changed == 1)
                #expect(try report(sandbox).changed == 3)
                let after = try sandbox.shell(owners)
                #expect(
                    after.lines == ["4321:4321 644", "4321:4321 444", "4321:4321 755", "4321:4321 644"], "\(after)")
                #expect(try report(sandbox).changed == 0)

                // On the host nothing changed hands.
                var status = stat()
                #expect(lstat(project.path("of-root"), &status) == 0 && status.st_uid == 0)
                #expect(lstat(project.path("read-only"), &status) == 0 && status.st_mode & 0o7777 == 0o444)

                // What can't be fixed is told, and leads nowhere.
                #expect(symlink("/etc/hostname", project.path("link")) == 0)
                let told = try report(sandbox, code: 1)
                #expect(told.problems.map(\.code) == ["symbolicLink"] && told.problems.first?.examples == ["link"])
                let refused = try sandbox.keystone.agent("fix-ownership", sandbox.name, "link")
                #expect(refused.code == 2 && refused.isOneClearSentence, "\(refused)")
                #expect(try sandbox.keystone.agent("fix-ownership", sandbox.name, "../..").code == 2)
            }
        }

        @Test func anOrdinaryUsersShareIsRightByConstruction() throws {
            let project = try Project("right", owner: Self.user)
            let keystone = try Keystone(of: Self.user, home: "home-of-owner", in: project.folder)
            try TestSandbox.with("right", keystone: keystone, project: project) { sandbox in
                let told = try report(sandbox)
                #expect(told.rightByConstruction && told.seen == 0 && told.changed == 0)
            }
        }
    }
}
