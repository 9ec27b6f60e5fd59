import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// The guest's user has the ids of the user whose project it is.
    @Suite(.enabled(if: getuid() == 0)) struct GuestUsers {
        private static let user = SpawnRequest.Identity(userID: 54321, groupID: 54322, groups: [54322])

        @Test func anOrdinaryUserIsThemselvesInTheGuest() throws {
            let project = try Project("guest-user", owner: Self.user)
            let keystone = try Keystone(of: Self.user, home: "home-of-guest-user", in: project.folder)
            try TestSandbox.with("guest-user", keystone: keystone, project: project) { sandbox in
                try expectTheUser(sandbox)
                #expect(try sandbox.shell("echo made > /workspace/by-guest; mkdir /workspace/folder").code == 0)
                for name in ["by-guest", "folder"] {
                    var made = stat()
                    #expect(lstat(project.path(name), &made) == 0 && made.st_uid == 54321, "\(name): \(made.st_uid)")
                }
                let status = try sandbox.keystone.mustSucceed(["status", sandbox.name])
                #expect(status.text.contains("sandbox (uid 54321)"), "\(status)")
                // A second user of the guest is not this one.
                #expect(try sandbox.exec(["id", "-u"], options: ["-u", "root"]).line == "0")
            }
        }

        @Test func rootGivesAGuestTheOwnerOfTheProject() throws {
            let project = try Project("owned-by-user", owner: Self.user)
            try TestSandbox.with("owned-by-user", project: project) { sandbox in try expectTheUser(sandbox) }
        }

        private func expectTheUser(_ sandbox: TestSandbox) throws {
            let script =
                "id -u; id -g; id -un; echo \"$HOME\"; stat -c '%u %a' \"$HOME\"; touch \"$HOME/mine\" && echo ok"
            let finished = try sandbox.shell(script)
            #expect(
                finished.lines == ["54321", "54322", "sandbox", "/home/sandbox", "54321 700", "ok"], "\(finished)")
        }

        @Test func rootsOwnProjectStaysRoots() throws {
            let sandbox = try SharedSandbox.get()
            #expect(try sandbox.shell("id -u; id -g; echo \"$HOME\"").lines == ["0", "0", "/root"])
        }
    }
}
