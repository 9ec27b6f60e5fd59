import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

@Suite(.enabled(if: GuestTree.canRun)) struct ProvisionKeysTests {
    static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJlG7DYcW0dDQ9VDyN4U2O4XzK0NYQzGJ3aN2d3C6u1x"
    let guest: GuestTree
    private let own = [GuestTree.ids.user, GuestTree.ids.group]

    init() throws {
        guest = try GuestTree()
        guest.prepare()
    }

    private func run(_ keys: [String]) -> ProvisionReport.Result? {
        guest.run(.sshKeys, ProvisionRequest(steps: [], user: guest.user, authorizedKeys: keys))
    }
    private var file: String { guest.text("/home/sandbox/.ssh/authorized_keys") }

    @Test func keysAreManagedAndKeysByHandAreKept() throws {
        #expect(run([ProvisionKeysTests.key + "  me at home  ü "])?.outcome == .done)
        #expect(guest.mode("/home/sandbox/.ssh") == 0o700)
        #expect(guest.mode("/home/sandbox/.ssh/authorized_keys") == 0o600)
        #expect(guest.owner("/home/sandbox/.ssh/authorized_keys") == own)
        #expect(file.contains("\n\(ProvisionKeysTests.key) me at home  ü \n"))
        let managed = file
        try guest.write("/home/sandbox/.ssh/authorized_keys", "by hand 1\n" + managed + "by hand 2")
        #expect(run([ProvisionKeysTests.key + " other"])?.outcome == .done)
        #expect(file.hasPrefix("by hand 1\n# >>>") && file.hasSuffix("# <<< keystone agent <<<\nby hand 2\n"))
        #expect(file.contains(" other\n") && !file.contains("me at home"))
        #expect(run([ProvisionKeysTests.key + " other"])?.outcome == .unchanged)
        #expect(run([])?.outcome == .done)
        #expect(file == "by hand 1\nby hand 2\n")
    }

    @Test func withoutKeysNothingIsMade() {
        #expect(run([])?.outcome == .unchanged)
        #expect(guest.status("/home/sandbox/.ssh") == nil)
    }

    @Test(
        arguments: [
            "", "ssh-dss AAAAB3NzaC1kc3M=", "command=\"x\" " + ProvisionKeysTests.key, "ssh-ed25519",
            "ssh-ed25519 AAAA", "ssh-ed25519 !!!!", "ssh-rsa " + ProvisionKeysTests.key.split(separator: " ")[1],
            ProvisionKeysTests.key + "\nssh-rsa x", ProvisionKeysTests.key + "AAAA", "# comment",
        ])
    func aBadKeyIsRefusedWithItsNumber(_ line: String) {
        let result = run([ProvisionKeysTests.key, line])
        #expect(result?.outcome == .failed)
        #expect(result?.note.contains("Key 2 ") == true)
        #expect(guest.status("/home/sandbox/.ssh") == nil)
    }

    @Test func plantedLinksAndPipesLeadNothingElsewhere() throws {
        mkdir(guest.folder + "/elsewhere", 0o777)
        chmod(guest.folder + "/elsewhere", 0o777)
        symlink(guest.folder + "/elsewhere", guest.home + "/.ssh")
        #expect(run([ProvisionKeysTests.key])?.outcome == .failed)
        #expect(guest.picture("/elsewhere").isEmpty)
        #expect(guest.mode("/elsewhere") == 0o777)

        unlink(guest.home + "/.ssh")
        mkdir(guest.home + "/.ssh", 0o755)
        chown(guest.home + "/.ssh", own[0], own[1])
        try guest.write("/etc/target", "kept")
        symlink(guest.folder + "/etc/target", guest.home + "/.ssh/authorized_keys")
        #expect(run([ProvisionKeysTests.key])?.note.contains("is a symbolic link") == true)
        #expect(guest.text("/etc/target") == "kept")

        unlink(guest.home + "/.ssh/authorized_keys")
        mkfifo(guest.home + "/.ssh/authorized_keys", 0o600)
        #expect(run([ProvisionKeysTests.key])?.note.contains("is not an ordinary file") == true)

        unlink(guest.home + "/.ssh/authorized_keys")
        symlink(guest.folder + "/etc/target", guest.home + "/.ssh/.authorized_keys.keystone-new")
        #expect(run([ProvisionKeysTests.key])?.outcome == .done)
        #expect(guest.text("/etc/target") == "kept")
        #expect(guest.mode("/home/sandbox/.ssh") == 0o700)
    }

    @Test func theUsersRightsAreAllThatIsUsed() {
        mkdir(guest.home + "/.ssh", 0o755)  // Root's, in the user's home.
        #expect(run([ProvisionKeysTests.key])?.outcome == .failed)
        #expect(guest.owner("/home/sandbox/.ssh") == [0, 0])
        // And the thread has its own rights again.
        #expect(access(guest.folder + "/etc/shadow", W_OK) == 0)
        #expect((try? FileDescriptor.open(guest.folder + "/etc/shadow", O_RDWR)) != nil)
    }

    @Test func halfABlockIsNotGuessedAt() throws {
        _ = run([ProvisionKeysTests.key])
        let half = String(file.dropLast("# <<< keystone agent <<<\n".count))
        try guest.write("/home/sandbox/.ssh/authorized_keys", half)
        #expect(run([])?.outcome == .failed)
        #expect(file == half)
    }
}
