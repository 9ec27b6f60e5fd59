import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Guests that change everything under both walkers' feet while owners are fixed.
    @Suite(.enabled(if: getuid() == 0)) struct HostileOwnership {
        private static let user = SpawnRequest.Identity(userID: 4321, groupID: 4321, groups: [4321])

        /// Turns forever: links, FIFOs, folders that trade places, and bind mounts of the guest's own system.
        private static func hostility(outside: String) -> String {
            """
            n=0; m=0; cd /workspace; mkdir -p h/a h/b h/c mounted; echo x > h/a/file; echo stirring
            while :; do
              ln -s \(outside) h/link; ln -s /etc h/etc; mkfifo h/pipe; rm -f h/link h/etc h/pipe
              mv h/a h/away; ln -s \(outside) h/a; rm -f h/a; mv h/away h/a
              mv h/b h/c/b; mv h/c/b h/b
              rm -f h/a/file; ln -s \(outside)/secret h/a/file; rm -f h/a/file; echo x > h/a/file
              mount --bind /etc mounted && m=$((m+1)) && umount mounted
              mount --bind /etc h/c && umount h/c
              n=$((n+1)); echo $n $m > /tmp/turns
            done
            """
        }

        private static let turns = 5

        /// Of the hostility, those in which a mount came and went.
        private func turns(_ sandbox: TestSandbox) throws -> Int {
            let words = try sandbox.exec("cat", "/tmp/turns").line.split(separator: " ")
            return words.compactMap { Int($0) }.min() ?? 0
        }

        private func attack(_ sandbox: TestSandbox, _ bystanders: Bystanders, as user: String) throws {
            let before = bystanders.state
            let guestsOwn = "stat -c '%n %u:%g %a' /etc /etc/passwd /etc/group"
            let system = try sandbox.exec(["sh", "-c", guestsOwn], options: ["-u", "root"]).lines
            let stirring = try sandbox.begin(
                ["sh", "-c", Self.hostility(outside: bystanders.folder)], options: ["-u", user])
            try stirring.wait(forOutput: "stirring")
            // Whole turns go by meanwhile, with their mounts, or nothing is proved.
            let deadline = Deadline.after(milliseconds: 120_000)
            while try turns(sandbox) < Self.turns {
                try #require(!deadline.hasPassed)
                let answer = try sandbox.fixOwnership("--verify")
                #expect(answer.guest.first?.complete == true)
            }
            #expect(!stirring.process.hasEnded)
            try stirring.send(SIGTERM)
            _ = try? stirring.finish(within: 30)
            let tidy = "for m in mounted h/c; do umount /workspace/$m; done; rm -rf /workspace/h"
            _ = try sandbox.exec(["sh", "-c", tidy], options: ["-u", "root"])
            #expect(bystanders.state == before)
            #expect(try sandbox.exec(["sh", "-c", guestsOwn], options: ["-u", "root"]).lines == system)
        }

        @Test func aGuestThatIsRootGainsNothingOnAMappedShare() throws {
            let project = try Project("hostile", owner: Self.user)
            let bystanders = try Bystanders(beside: project)
            // Real links of the host, which a guest can't make on such a share.
            symlink(bystanders.folder, project.path("to-outside"))
            symlink("../..", project.path("up"))
            try TestSandbox.with("hostile", project: project) { sandbox in
                try attack(sandbox, bystanders, as: "root")
                let answer = try sandbox.fixOwnership("--verify")
                // What is left are the two links, told by the guest, too.
                #expect(answer.problems.map(\.code) == ["symbolicLink"] && !answer.right)
                #expect(answer.guest.first?.problems.flatMap(\.examples).sorted() == ["to-outside", "up"], "\(answer)")
            }
        }

        @Test func aGuestThatIsRootGainsNothingOnANoneShareAndChownIsNotCalled() throws {
            let project = try Project("hostile-none", owner: Self.user)
            let bystanders = try Bystanders(beside: project)
            let keystone = try Keystone(of: Self.user, home: "home-of-hostile", in: project.folder)
            try TestSandbox.with("hostile-none", keystone: keystone, project: project) { sandbox in
                let silent = try sandbox.fixOwnership()
                #expect(silent.rightByConstruction && silent.seen == 0 && silent.guest.isEmpty)
                let verified = try sandbox.fixOwnership("--verify")
                #expect(verified.right && verified.guest.first?.calls == 0, "\(verified)")
                try attack(sandbox, bystanders, as: "root")

                // A file of another user of the host: the agent may ask, the server may not.
                try project.write("of-root", [])
                let told = try sandbox.fixOwnership("--verify")
                #expect(told.guest.first?.problems.map(\.code) == ["notPermitted"], "\(told)")
                #expect(told.guest.first?.problems.first?.examples == ["of-root"] && !told.right)
                var status = stat()
                #expect(lstat(project.path("of-root"), &status) == 0 && status.st_uid == 0)
            }
        }
    }
}
