import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

/// Paths that a user names, and what they may not lead to.
@Suite(.enabled(if: getuid() == 0)) struct OwnershipPathTests {
    private let fixture: OwnershipFixture
    init() throws { fixture = try OwnershipFixture() }

    private func path(_ text: String, project: String = "/p/q") throws -> String {
        String(decoding: try ProjectPath(Array(text.utf8), project: project).bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("a", "a"), ("a//b/", "a/b"), ("./a/./b", "a/b"), ("a/../b", "b"), (".", ""), ("/p/q", ""), ("/p/q/a", "a"),
        ("/p//q/./a/", "a"), ("/p/x/../q/a", "a"), ("a/..", ""),
    ])
    func pathsAreRelativeToTheProject(text: String, expected: String) throws { #expect(try path(text) == expected) }

    @Test(arguments: ["", "..", "../q2", "a/../../b", "/", "/p", "/p/qq", "/p/q/../r", "/etc/passwd", "a\0b", "/.."])
    func pathsThatLeaveTheProjectAreRefused(text: String) {
        let error = #expect(throws: ControllerError.self) { try path(text) }
        #expect(error?.code == .badPath)
    }

    @Test func onlyWhatIsNamedIsFixed() throws {
        fixture.folder("a")
        let (inside, beside) = (try fixture.file("a/file"), try fixture.file("beside"))
        let report = try fixture.walk(["a"])
        #expect(report.seen == 2 && report.changed == 2 && fixture.guestOwner(inside) == OwnershipFixture.wanted)
        #expect(OwnershipFixture.attribute(beside, "user.virtfs.uid") == nil)
        #expect(try fixture.walk(["beside", fixture.path("a/file")]).seen == 2)
        #expect(OwnershipFixture.attribute(fixture.root, "user.virtfs.uid") == nil)
        symlink("x", fixture.path("a/link"))
        #expect(try fixture.walk(["a"]).problems[.symbolicLink]?.examples == [Array("a/link".utf8)])
    }

    @Test(arguments: ["link", "link/inner", "link/../link/inner", "self/a", "a/file/x", "missing", "file-link"])
    func pathsOverLinksAndNothingAreRefused(text: String) throws {
        fixture.folder("a")
        try fixture.file("a/file")
        mkdir(fixture.outside("folder"), 0o755)
        let inner = try fixture.file(at: fixture.outside("folder/inner"))
        symlink(fixture.outside("folder"), fixture.path("link"))
        symlink(".", fixture.path("self"))
        symlink(inner, fixture.path("file-link"))
        let error = #expect(throws: ControllerError.self) { try fixture.walk([text]) }
        #expect(error?.code == .badPath, "\(String(describing: error))")
        #expect(OwnershipFixture.attribute(inner, "user.virtfs.uid") == nil)
    }

    @Test func aShareThatIsNoneIsRightByConstructionAndUntouched() throws {
        let file = try fixture.file("file")
        chown(fixture.root, 4321, 4322)
        let report = try Ownership.fix(project: fixture.root, security: .none)
        #expect(report.isRightByConstruction && report.isRight && report.seen == 0 && report.owner.userID == 4321)
        #expect(try Ownership.fixForBoot(project: fixture.root, security: .none).seen == 0)
        #expect(OwnershipFixture.attribute(file, "user.virtfs.uid") == nil)
    }

    @Test func theOwnerOfTheProjectIsWanted() throws {
        let file = try fixture.file("file")
        // Root's project: commands run as root, so a start has nothing to do.
        #expect(try Ownership.fixForBoot(project: fixture.root, security: .mapped).seen == 0)
        chown(fixture.root, 4321, 4322)
        let boot = try Ownership.fixForBoot(project: fixture.root, security: .mapped)
        #expect(boot.seen == 2 && boot.changed == 1 && boot.sentence == nil)
        #expect(fixture.guestOwner(file) == OwnershipFixture.wanted)
        #expect(try Ownership.fix(project: fixture.root, security: .mapped).changed == 0)
    }

    @Test func aProjectThatIsGoneIsTold() throws {
        let error = #expect(throws: ControllerError.self) {
            try Ownership.fix(project: fixture.path("gone"), security: .mapped)
        }
        #expect(error?.code == .badPath)
    }
}
