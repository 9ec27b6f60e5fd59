import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// What the agent's walk changes and what it leaves.
@Suite(.enabled(if: OwnedTree.canRun)) struct OwnershipTests {
    let tree: OwnedTree
    init() throws { tree = try OwnedTree() }

    @Test func everyKindOfEntryIsGivenToItsOwnerAndTheSecondTimeNothingIsCalled() throws {
        try tree.fillOutside()
        let outside = tree.outsideState
        let (inside, wanted) = (tree.inside, OwnedTree.wanted)
        try tree.file(inside("read-only"), mode: 0o444, owner: 5)
        try tree.file(inside("new\nline"), mode: 0o600)
        var bytes =
            Array(inside("bad-").utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), CChar(bitPattern: 0xC3), 0]
        let made = open(&bytes, O_CREAT | O_WRONLY, 0o640)
        #expect(made >= 0)
        close(made)
        mkdir(inside("folder"), 0o2775)
        chmod(inside("folder"), 0o2775)
        symlink(tree.outside("secret"), inside("link"))
        symlink(tree.folder + "/outside/folder", inside("folder/link"))
        #expect(mkfifo(inside("pipe"), 0o600) == 0)
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(inside("socket").utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, UInt32(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(socket)
        try tree.file(inside("once"), owner: 1007)
        link(inside("once"), inside("folder/twice"))
        try tree.file(inside("group"), owner: wanted.user)
        try tree.file(inside("right"))
        chown(inside("right"), wanted.user, wanted.group)
        let before = try #require(OwnedTree.status(inside("right")))

        let dry = try tree.walk(dryRun: true)
        #expect(dry.seen == 12 && dry.changed == 11 && dry.alreadyRight == 1 && dry.calls == 0, "\(dry)")
        #expect(OwnedTree.status(inside("once"))?.st_uid == 1007)

        let report = try tree.walk()
        #expect(report.seen == 12 && report.changed == 11 && report.calls == 11 && report.problems.isEmpty, "\(report)")
        for name in [
            "", "read-only", "new\nline", "folder", "link", "folder/link", "pipe", "socket", "once", "folder/twice",
            "group",
        ] { #expect(OwnedTree.isRight(inside(name)), "\(name)") }
        var status = stat()
        #expect(lstat(&bytes, &status) == 0 && status.st_uid == wanted.user && status.st_mode & 0o7777 == 0o640)
        #expect(OwnedTree.status(inside("read-only")).map { $0.st_mode & 0o7777 } == 0o444)
        #expect(OwnedTree.status(inside("folder")).map { $0.st_mode & 0o7777 } == 0o2775)
        #expect(tree.outsideState == outside)

        let again = try tree.walk()
        #expect(again.seen == 12 && again.changed == 0 && again.calls == 0 && again.alreadyRight == 12, "\(again)")
        let after = try #require(OwnedTree.status(inside("right")))
        #expect(after.st_ctim.tv_sec == before.st_ctim.tv_sec && after.st_ctim.tv_nsec == before.st_ctim.tv_nsec)
    }

    @Test func deviceFilesAreLeftAndSetUserBitsAreClearedAndTold() throws {
        let device = tree.inside("device")
        try #require(mknod(device, S_IFCHR | 0o600, 0x103) == 0)
        try tree.file(tree.inside("tool"), mode: 0o6755)
        let report = try tree.walk()
        #expect(report.examples(.device) == ["device"] && OwnedTree.status(device)?.st_uid == 0)
        #expect(report.bitsCleared == 1)
        #expect(OwnedTree.status(tree.inside("tool")).map { $0.st_mode & 0o7777 } == 0o755)
    }

    @Test func aFileOfTheSystemWithANameElsewhereIsLeft() throws {
        mkdir(tree.inside("mine"), 0o755)
        try tree.file(tree.outside("secret"))
        link(tree.outside("secret"), tree.inside("mine/planted"))
        try tree.file(tree.outside("of-user"), owner: 1234)
        link(tree.outside("of-user"), tree.inside("mine/shared"))
        // A folder of the test's file system is no whole mount, so either name may be the only one inside.
        let report = try tree.walk("/workspace", ["mine"])
        #expect(report.examples(.hardLink) == ["mine/planted"] && report.changed == 2, "\(report)")
        #expect(OwnedTree.status(tree.outside("secret"))?.st_uid == 0)
    }

    @Test func onlyThePathsAskedForAreTouchedAndNoLinkIsFollowed() throws {
        try tree.fillOutside()
        let outside = tree.outsideState
        for name in ["a", "b"] {
            mkdir(tree.inside(name), 0o755)
            try tree.file(tree.inside(name + "/file"))
        }
        symlink("../outside", tree.inside("link"))
        symlink("workspace", tree.folder + "/alias")
        let report = try tree.walk("/workspace", ["a", "b/file"])
        #expect(report.changed == 3 && !OwnedTree.isRight(tree.inside("b")))
        for (root, paths) in [
            ("/workspace", ["link"]), ("/workspace", ["link/secret"]), ("/workspace", [".."]),
            ("/workspace", ["a/../b"]),
            ("/workspace", ["/a"]), ("/workspace", ["none"]), ("/workspace", ["a/file/x"]), ("/alias", []),
            ("/workspace/../outside", []), ("workspace", []), ("/", []), ("/outside", []), ("/proc", []),
            ("/run/x", []),
        ] as [(String, [String])] {
            let refusal = #expect(throws: Refusal.self) { try tree.walk(root, paths) }
            #expect(refusal.map { !$0.failure.message.isEmpty } == true, "\(root) \(paths)")
        }
        #expect(tree.outsideState == outside)
    }

    @Test func aPathOfMoreThan4096BytesIsWalked() throws {
        var current = try FileDescriptor.open(tree.folder + "/workspace", O_RDONLY | O_DIRECTORY)
        let name = String(repeating: "n", count: 60)
        for _ in 0..<300 {
            try #require(mkdirat(current.rawValue, name, 0o755) == 0)
            try current.open("file", O_CREAT | O_WRONLY, mode: 0o444).setNonBlocking(false)
            current = try current.open(name, O_RDONLY | O_DIRECTORY)
        }
        let report = try tree.walk()
        #expect(report.changed == 601 && report.problems.isEmpty, "\(report)")
        #expect(try tree.walk().calls == 0)
    }

    @Test func aFolderOfTwentyThousandFoldersAndFilesIsSeenOnceAndWhole() throws {
        // More than may wait at once, so listings are interrupted and resumed.
        let parent = try FileDescriptor.open(tree.folder + "/workspace", O_RDONLY | O_DIRECTORY)
        for number in 0..<20_000 {
            try #require(mkdirat(parent.rawValue, "d\(number)", 0o755) == 0)
            let file = openat(parent.rawValue, "f\(number)", O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
            try #require(file >= 0)
            close(file)
        }
        let report = try tree.walk()
        #expect(report.seen == 40_001 && report.changed == 40_001 && report.isComplete, "\(report)")
        let again = try tree.walk()
        #expect(again.alreadyRight == 40_001 && again.calls == 0)
        var limited = tree.request()
        limited.limitMilliseconds = 0
        let none = try tree.fixer.run(limited)
        #expect(!none.isComplete && none.seen < 40_001)
        let stop = TreeWalk.Stop()
        stop.request()
        #expect(try !tree.fixer.run(tree.request(), stop).isComplete)
    }

    @Test func whatTheFileSystemRefusesIsTold() throws {
        guard access("/usr/bin/chattr", X_OK) == 0 else { return }
        let file = try tree.file(tree.inside("immutable"))
        func change(_ word: String) throws -> Bool { try OwnedTree.run("/usr/bin/chattr", word, file) }
        guard try change("+i") else { return }
        defer { _ = try? change("-i") }
        let report = try tree.walk()
        #expect(report.examples(.notPermitted) == ["immutable"] && report.changed == 1, "\(report)")
    }
}
