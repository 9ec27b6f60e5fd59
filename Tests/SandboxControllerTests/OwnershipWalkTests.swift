import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

/// Real trees, as root: the owners of a `mapped` share put right from the host.
@Suite(.enabled(if: getuid() == 0)) struct OwnershipWalkTests {
    private let fixture: OwnershipFixture
    private let wanted = OwnershipFixture.wanted
    init() throws { fixture = try OwnershipFixture() }

    @Test func mixedOwnersBecomeRightAndASecondPassChangesNothing() throws {
        fixture.folder("a/")
        fixture.folder("a/b", owner: 7)
        for number in 0..<50 { try fixture.file("a/b/\(number)", owner: UInt32(number)) }
        let own = try fixture.file("own", owner: 4321)
        chown(own, 4321, 4322)
        let first = try fixture.walk()
        #expect(first.seen == 54 && first.changed == 53 && first.alreadyRight == 1 && first.isRight, "\(first)")
        #expect(OwnershipFixture.attribute(own, "user.virtfs.uid") == nil)
        for name in ["", "a", "a/b", "a/b/0", "a/b/49", "own"] {
            #expect(fixture.guestOwner(fixture.path(name)) == wanted, "\(name)")
        }
        var status = stat()
        #expect(stat(fixture.path("a/b/7"), &status) == 0 && status.st_uid == 7)
        let second = try fixture.walk()
        #expect(second.seen == 54 && second.changed == 0 && second.alreadyRight == 54 && second.isRight)
    }

    @Test func aDryRunCountsTheSameAndChangesNothing() throws {
        let file = try fixture.file("file")
        let dry = try fixture.walk(isDryRun: true)
        #expect(dry.changed == 2 && dry.isDryRun && OwnershipFixture.attribute(file, "user.virtfs.uid") == nil)
        #expect(try fixture.walk().changed == 2)
        #expect(try fixture.walk(isDryRun: true).changed == 0)
    }

    @Test func whatTheGuestOwnsOtherwiseIsChangedAndItsModeStays() throws {
        let file = try fixture.file("file", owner: 4321)
        try OwnershipFixture.set(file, "user.virtfs.uid", [0, 0, 0, 0])
        try OwnershipFixture.set(file, "user.virtfs.mode", [0xED, 0x81, 0, 0])
        #expect(try fixture.walk().changed == 2)
        #expect(fixture.guestOwner(file) == wanted)
        #expect(OwnershipFixture.attribute(file, "user.virtfs.mode") == 0o100755)
    }

    @Test(arguments: [[], [1], [1, 2, 3], [1, 2, 3, 4, 5]] as [[UInt8]])
    func anAttributeOfAnotherSizeIsTakenAsQEMUTakesIt(bytes: [UInt8]) throws {
        let file = try fixture.file("file", owner: 9)
        try OwnershipFixture.set(file, "user.virtfs.uid", bytes)
        #expect(try fixture.walk().isRight)
        #expect(OwnershipFixture.attribute(file, "user.virtfs.uid") == 4321)
    }

    @Test func namesAreBytes() throws {
        let names: [[UInt8]] = [
            Array("new\nline".utf8), [0xFF, 0xFE, 0x41], Array("…".utf8), Array("-dash".utf8), [0x1B],
        ]
        for name in names {
            let path = (Array(fixture.root.utf8) + [0x2F] + name + [0]).map { CChar(bitPattern: $0) }
            #expect(mkdir(path, 0o755) == 0)
            let inner = path.dropLast() + "/inner".utf8CString
            #expect(close(open(Array(inner), O_CREAT | O_WRONLY, 0o644)) == 0)
        }
        #expect(try fixture.walk().changed == 11)
        #expect(try fixture.walk().alreadyRight == 11)
        let one = try ProjectPath(names[1], project: fixture.root)
        let report = try OwnershipWalk(root: fixture.root, owner: .init(userID: 1, groupID: 1), isDryRun: false).run([
            one
        ])
        #expect(report.changed == 2)
    }

    @Test func specialFilesAreToldAndLinksNotFollowed() throws {
        let outside = try fixture.file(at: fixture.outside("secret"))
        mkdir(fixture.outside("folder"), 0o755)
        let inner = try fixture.file(at: fixture.outside("folder/inner"))
        #expect(symlink(outside, fixture.path("link")) == 0)
        #expect(symlink(fixture.outside("folder"), fixture.path("folder-link")) == 0)
        #expect(symlink("nowhere", fixture.path("own-link")) == 0)
        lchown(fixture.path("own-link"), 4321, 4322)
        #expect(mkfifo(fixture.path("fi\nfo"), 0o644) == 0)
        #expect(mknod(fixture.path("null"), S_IFCHR | 0o600, 0x103) == 0)
        let socket = try UnixSocket.listen(at: fixture.path("socket"), backlog: 1)
        defer { withExtendedLifetime(socket) {} }
        let report = try fixture.walk()
        #expect(report.seen == 7 && report.changed == 1 && report.alreadyRight == 1 && report.notFixed == 5)
        #expect(report.problems[.symbolicLink]?.count == 2 && report.problems[.device]?.count == 1)
        #expect(report.problems[.socket]?.examples == [Array("socket".utf8)])
        #expect(report.problems[.pipe]?.examples.map(OwnershipReport.printable) == ["fi\\nfo"])
        #expect(report.sentence?.hasPrefix("5 entries of the project could not be given the owner 4321:4322") == true)
        for path in [outside, fixture.outside("folder"), inner] {
            #expect(OwnershipFixture.attribute(path, "user.virtfs.uid") == nil)
        }
    }

    @Test func examplesAreTenForEachReason() throws {
        for number in 0..<30 { symlink("x", fixture.path("link-\(number)")) }
        let problem = try #require(try fixture.walk().problems[.symbolicLink])
        #expect(problem.count == 30 && problem.examples.count == 10)
    }

    @Test func hardLinksAreOneInode() throws {
        let file = try fixture.file("file")
        #expect(link(file, fixture.path("other")) == 0)
        let report = try fixture.walk()
        #expect(report.seen == 3 && report.changed == 2 && report.alreadyRight == 1)
    }

    @Test func readOnlyFilesKeepTheirModes() throws {
        let modes: [(String, mode_t)] = [("a", 0o444), ("b", 0o000), ("c", 0o4555), ("d", 0o2444), ("e", 0o1644)]
        for (name, mode) in modes { try fixture.file(name, mode: mode) }
        #expect(try fixture.walk().changed == 6)
        for (name, mode) in modes { #expect(OwnershipFixture.mode(fixture.path(name)) == mode) }
    }

    @Test(arguments: [false, true]) func anotherMountIsNotEntered(isBind: Bool) throws {
        let mounted = fixture.folder("mounted")
        let outside = fixture.outside("elsewhere")
        mkdir(outside, 0o755)
        let file = try fixture.file(at: outside + "/file")
        if isBind {
            // The same device number on both sides.
            #expect(mount(outside, mounted, "", UInt(MS_BIND), nil) == 0)
        } else {
            #expect(mount("none", mounted, "tmpfs", 0, nil) == 0)
            try fixture.file("mounted/file")
        }
        defer { umount2(mounted, Int32(MNT_DETACH)) }
        let report = try fixture.walk()
        #expect(report.seen == 1 && report.problems[.otherMount]?.examples == [Array("mounted".utf8)], "\(report)")
        #expect(OwnershipFixture.attribute(file, "user.virtfs.uid") == nil)
        #expect(throws: ControllerError.self) { try fixture.walk(["mounted/file"]) }
    }

    @Test func aBoundFileIsNotTouched() throws {
        let file = try fixture.file("file")
        let outside = try fixture.file(at: fixture.outside("secret"))
        #expect(mount(outside, file, "", UInt(MS_BIND), nil) == 0)
        defer { umount2(file, Int32(MNT_DETACH)) }
        #expect(try fixture.walk().problems[.otherMount]?.count == 1)
        #expect(OwnershipFixture.attribute(outside, "user.virtfs.uid") == nil)
    }

    @Test func anEndedTimeLimitIsTold() throws {
        let report = try fixture.walk(deadline: .after(milliseconds: 0))
        #expect(!report.isComplete && !report.isRight && report.seen == 0)
        #expect(report.sentence == "Not everything was looked at, since the time was up.")
    }
}
