import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

@Suite(.enabled(if: GuestTree.canRun)) struct ProvisionHomeTests {
    let guest: GuestTree
    let request: ProvisionRequest
    private let own = [GuestTree.ids.user, GuestTree.ids.group]

    init() throws {
        guest = try GuestTree()
        request = ProvisionRequest(steps: [], user: guest.user)
        _ = guest.run(.user, request)
    }

    @Test func aHomeIsMadeFromNothing() throws {
        mkdir(guest.folder + "/etc/skel", 0o755)
        mkdir(guest.folder + "/etc/skel/bin", 0o755)
        try guest.write("/etc/skel/bin/run", "#!/bin/sh\n")
        chmod(guest.folder + "/etc/skel/bin/run", 0o755)
        symlink("/etc/profile", guest.folder + "/etc/skel/.profile")
        #expect(guest.run(.home, request)?.outcome == .done)
        #expect(guest.mode("/home/sandbox") == 0o700)
        for name in ["", "/.config", "/.cache", "/.local", "/.local/share", "/.local/state", "/bin", "/bin/run"] {
            #expect(guest.owner("/home/sandbox" + name) == own, "\(name)")
        }
        for name in [".config", ".cache", ".local/share", ".local/state"] {
            #expect(guest.mode("/home/sandbox/" + name) == 0o700)
        }
        #expect(guest.mode("/home/sandbox/bin/run") == 0o755)
        #expect(guest.owner("/home/sandbox/.profile") == own)
        #expect(guest.status("/home/sandbox/.bashrc") == nil)
        #expect(guest.mode("/run/user/41234") == 0o700)
        #expect(guest.owner("/run/user/41234") == own)
        #expect(
            guest.defaults.current.entries(for: GuestTree.ids.user)
                == [Array("XDG_RUNTIME_DIR=/run/user/41234".utf8)])
        #expect(guest.defaults.current.entries(for: 0).isEmpty)
        let before = guest.picture()
        #expect(guest.run(.home, request)?.outcome == .unchanged)
        #expect(guest.picture() == before)
    }

    @Test func whatTheUserHasIsNotOverwritten() throws {
        guest.prepare()
        mkdir(guest.folder + "/etc/skel", 0o755)
        try guest.write("/etc/skel/.bashrc", "skeleton")
        try guest.write("/home/sandbox/.bashrc", "mine")
        symlink("/nowhere", guest.home + "/other")
        try guest.write("/etc/skel/other", "skeleton")
        #expect(guest.run(.home, request)?.outcome == .unchanged)
        #expect(guest.text("/home/sandbox/.bashrc") == "mine")
    }

    @Test func direnvIsHookedOnceAndOnlyWhereItIsInstalled() throws {
        guest.prepare()
        try guest.write("/usr/bin/direnv", "")
        chmod(guest.folder + "/usr/bin/direnv", 0o755)
        try guest.write("/home/sandbox/.bashrc", "alias x=y")
        chown(guest.home + "/.bashrc", own[0], own[1])
        #expect(guest.run(.home, request)?.outcome == .done)
        #expect(guest.text("/home/sandbox/.bashrc") == "alias x=y\neval \"$(direnv hook bash)\"\n")
        #expect(guest.run(.home, request)?.outcome == .unchanged)
        unlink(guest.home + "/.bashrc")
        symlink(guest.folder + "/etc/passwd", guest.home + "/.bashrc")
        #expect(guest.run(.home, request)?.outcome == .unchanged)
        #expect(!guest.text("/etc/passwd").contains("direnv"))
    }

    @Test func aHomeOfTheWrongOwnerIsRepaired() throws {
        mkdir(guest.home, 0o750)
        mkdir(guest.home + "/deep", 0o755)
        for name in ["file", "deep/file", "roots"] { try guest.write("/home/sandbox/" + name, name) }
        try guest.write("/etc/outside", "")
        symlink(guest.folder + "/etc/outside", guest.home + "/link")
        link(guest.home + "/file", guest.home + "/deep/second")
        mkfifo(guest.home + "/fifo", 0o600)
        for name in ["", "/deep", "/file", "/deep/file", "/link", "/fifo"] {
            lchown(guest.home + name, 1000, 1000)
        }
        chown(guest.home + "/deep/file", 1000, 7)
        #expect(guest.run(.home, request)?.outcome == .done)
        for name in ["", "/deep", "/file", "/deep/second", "/link", "/fifo"] {
            #expect(guest.owner("/home/sandbox" + name) == own, "\(name)")
        }
        #expect(guest.owner("/home/sandbox/deep/file") == [own[0], 7])
        #expect(guest.owner("/home/sandbox/roots") == [0, 0])
        #expect(guest.owner("/etc/outside") == [0, 0])
        #expect(guest.run(.home, request)?.outcome == .unchanged)
    }

    @Test func aFileOfRootsWithAnotherNameIsNotGivenAway() throws {
        mkdir(guest.home, 0o700)
        try guest.write("/etc/secret", "")
        link(guest.folder + "/etc/secret", guest.home + "/mine")
        try guest.write("/home/sandbox/only", "")
        let result = guest.run(.home, request)
        #expect(guest.owner("/etc/secret") == [0, 0])
        #expect(guest.owner("/home/sandbox/only") == own)
        #expect(result?.note.contains("1 files of a system account") == true)
    }

    @Test func aHomeThatIsALinkIsNotFollowed() {
        symlink("/etc", guest.home)
        mkdir(guest.folder + "/elsewhere", 0o755)
        unlink(guest.home)
        symlink(guest.folder + "/elsewhere", guest.home)
        let before = guest.picture("/elsewhere")
        let result = guest.run(.home, request)
        #expect(result?.outcome == .failed)
        #expect(result?.note.contains("is a link") == true)
        #expect(guest.owner("/elsewhere") == [0, 0])
        #expect(guest.picture("/elsewhere") == before)
    }

    @Test func foldersThatAreLinksLeadNothingElsewhere() {
        guest.prepare()
        mkdir(guest.folder + "/elsewhere", 0o755)
        GuestTree.remove(guest.home + "/.local")
        symlink(guest.folder + "/elsewhere", guest.home + "/.local")
        #expect(guest.run(.home, request)?.outcome == .unchanged)
        #expect(guest.picture("/elsewhere").isEmpty)
    }

    @Test func aHomeWhereOthersCanPutAnythingIsRefused() {
        chmod(guest.folder + "/home", 0o777)
        #expect(guest.run(.home, request)?.outcome == .failed)
        #expect(guest.status("/home/sandbox") == nil)
    }

    @Test func ofRootsHomeNothingIsChanged() {
        let root = ProvisionRequest(steps: [], user: .init(name: "root", userID: 0, groupID: 0))
        chmod(guest.folder + "/root", 0o711)
        #expect(guest.run(.home, root)?.outcome == .unchanged)
        #expect(guest.mode("/root") == 0o711)
        rmdir(guest.folder + "/root")
        #expect(guest.run(.home, root)?.outcome == .done)
        #expect(guest.mode("/root") == 0o700)
    }

    @Test func aDeepHomeIsWalkedWithoutRecursion() throws {
        mkdir(guest.home, 0o700)
        chown(guest.home, 1000, 1000)
        var folder = try FileDescriptor.open(guest.home, O_RDONLY)
        for _ in 0..<700 {
            mkdirat(folder.rawValue, "d", 0o755)
            folder = try folder.open("d", O_RDONLY)
            fchown(folder.rawValue, 1000, 1000)
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let result = guest.run(.home, request)
        guard limit.rlim_cur > 2000 else { return }
        #expect(result?.outcome == .done)
        var status = stat()
        #expect(fstat(folder.rawValue, &status) == 0 && status.st_uid == own[0])
    }
}
