import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

@Suite(.enabled(if: GuestTree.canRun)) struct ProvisionUserTests {
    let guest: GuestTree
    init() throws { guest = try GuestTree() }

    private func run(_ name: String, _ user: UInt32, _ group: UInt32) -> ProvisionReport.Result? {
        guest.run(.user, ProvisionRequest(steps: [], user: .init(name: name, userID: user, groupID: group)))
    }
    private var passwd: [Substring] { guest.text("/etc/passwd").split(separator: "\n") }
    private var groups: [Substring] { guest.text("/etc/group").split(separator: "\n") }

    @Test func theUserTakesTheIDsAndASecondRunChangesNothing() {
        #expect(run("sandbox", 41_234, 41_235)?.outcome == .done)
        #expect(
            passwd == [
                "# kept", "root:x:0:0:root:/root:/bin/sh", "www:x:33:33::/:/bin/false",
                "sandbox:x:41234:41235:sandbox:/home/sandbox:/bin/sh", "other:x:1500:1500::/home/other:/bin/sh",
            ])
        #expect(groups[3] == "sandbox:x:41235:")
        #expect(guest.mode("/etc/passwd") == 0o644)
        #expect(guest.defaults.current.user == "sandbox")
        let before = guest.picture()
        #expect(run("sandbox", 41_234, 41_235)?.outcome == .unchanged)
        #expect(guest.picture() == before)
    }

    @Test func rootChangesNoAccount() {
        let before = guest.picture("/etc")
        #expect(run("root", 0, 0)?.outcome == .unchanged)
        #expect(run("sandbox", 0, 0)?.outcome == .failed)
        #expect(run("root", 1000, 1000)?.outcome == .failed)
        #expect(guest.picture("/etc") == before)
        // Units of a systemd guest wait for it.
        #expect(guest.text("/run/keystone-user") == "root\n")
        #expect(guest.defaults.current.user == "root")
    }

    @Test func anotherAccountWithTheIDMakesRoom() {
        let result = run("sandbox", 1500, 1500)
        #expect(passwd[3].hasPrefix("sandbox:x:1500:1500:"))
        #expect(passwd[4] == "other:x:60000:60000::/home/other:/bin/sh")
        #expect(groups[3...] == ["sandbox:x:1500:", "other:x:60000:sandbox"])
        #expect(result?.note.contains("Account other had id 1500 and got 60000") == true)
        #expect(result?.note.contains("Group other had id 1500 and got 60000") == true)
        #expect(run("sandbox", 1500, 1500)?.outcome == .unchanged)
    }

    @Test func systemAccountsKeepTheirIDsAndTheUserIsFoundFirst() throws {
        let result = run("sandbox", 33, 100)
        #expect(result?.outcome == .done)
        #expect(passwd[2].hasPrefix("sandbox:x:33:100:") && passwd[3].hasPrefix("www:x:33:33:"))
        #expect(groups.contains("users:x:100:") && groups.contains("sandbox:x:1000:"))
        #expect(result?.note.contains("primary group is the guest's group users") == true)
        #expect(result?.note.contains("System account www has id 33 too") == true)
        #expect(run("sandbox", 33, 100)?.outcome == .unchanged)
    }

    @Test func aNewUserIsMadeLocked() {
        #expect(run("worker", 2000, 2000)?.outcome == .done)
        #expect(passwd.last == "worker:x:2000:2000:worker:/home/worker:/bin/sh")
        #expect(groups.last == "worker:x:2000:")
        #expect(guest.text("/etc/shadow").hasSuffix("\nworker:*:1::::::\n"))
        #expect(guest.mode("/etc/shadow") == 0o640)
        #expect(guest.owner("/etc/shadow") == [0, 42])
    }

    @Test func aRunKilledBetweenTheFilesIsCompletedByTheNext() throws {
        let group = guest.text("/etc/group")
        _ = run("sandbox", 1500, 1500)
        let (passwdAfter, groupAfter) = (guest.text("/etc/passwd"), guest.text("/etc/group"))
        // passwd was written and group was not; a temporary file was left.
        try guest.write("/etc/group", group)
        try guest.write("/etc/.group.keystone-new", "half a li")
        #expect(run("sandbox", 1500, 1500)?.outcome == .done)
        #expect(guest.text("/etc/passwd") == passwdAfter)
        #expect(guest.text("/etc/group") == groupAfter)
        #expect(guest.status("/etc/.group.keystone-new") == nil)
    }

    @Test(arguments: ["", "1000", "-a", "a:b", "a\nroot2:x:0:0", "ü", "a,b", String(repeating: "a", count: 33)])
    func namesThatPasswdCanNotHoldAreRefused(_ name: String) {
        let before = guest.picture()
        #expect(run(name, 2000, 2000)?.outcome == .failed)
        #expect(guest.picture() == before)
    }

    @Test func accountsInAStoreAreNotWritten() throws {
        rename(guest.folder + "/etc/passwd", guest.folder + "/etc/store")
        symlink("store", guest.folder + "/etc/passwd")
        let before = guest.picture()
        let report = guest.provisioner.run(
            ProvisionRequest(steps: [.user, .home, .sshKeys, .environment], user: guest.user))
        #expect(report.results.map(\.outcome) == [.failed, .failed, .failed, .unchanged])
        #expect(report.results.first?.note.contains("/etc/passwd is a symbolic link") == true)
        #expect(guest.picture() == before)
        #expect(guest.defaults.current.user == "root")
    }
}
