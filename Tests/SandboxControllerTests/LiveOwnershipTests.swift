import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

/// The watch over a real tree, as root.
@Suite(.serialized, .enabled(if: getuid() == 0)) struct LiveOwnershipTests {
    private let fixture: OwnershipFixture
    private let wanted = OwnershipFixture.wanted
    init() throws {
        fixture = try OwnershipFixture()
        chown(fixture.root, wanted.userID, wanted.groupID)
    }

    /// Waits without sleeping: each turn looks, and the attribute's own change is what a watch of ours waits for.
    private func wait(seconds: Double = 10, _ isSo: () -> Bool) -> Bool {
        let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
        while !isSo() {
            if deadline.hasPassed { return false }
            sched_yield()
        }
        return true
    }

    private func watching(_ body: (LiveOwnership) throws -> Void) throws {
        let live = try LiveOwnership(project: fixture.root, owner: wanted)
        defer { live.end(deadline: .after(milliseconds: 5_000)) }
        #expect(wait { live.summary.state != .beginning })
        try body(live)
    }

    /// As QEMU makes a file: 0600, of root, and what the guest said beside it.
    @discardableResult
    private func guestFile(_ name: String, mode: UInt32) throws -> String {
        let path = try fixture.file(name, mode: 0o600)
        try say(path, S_IFREG | mode)
        return path
    }

    private func say(_ path: String, _ mode: UInt32) throws {
        for (name, value) in [("uid", wanted.userID), ("gid", wanted.groupID), ("mode", mode)] {
            try OwnershipFixture.set(path, "user.virtfs.\(name)", withUnsafeBytes(of: value.littleEndian) { Array($0) })
        }
    }

    private func owner(_ path: String) -> FileOwner? {
        var status = stat()
        return lstat(path, &status) == 0 ? FileOwner(userID: status.st_uid, groupID: status.st_gid) : nil
    }

    @Test func whatIsThereAtTheBeginningIsMadeRight() throws {
        fixture.folder("a")
        let (old, made) = (try fixture.file("a/old"), try guestFile("a/made", mode: 0o755))
        try watching { live in
            #expect(live.summary.state == .watching && live.summary.folders == 2, "\(live.summary)")
            #expect(fixture.guestOwner(old) == wanted && OwnershipFixture.mode(made) == 0o755)
        }
    }

    @Test func aNewFileIsRightWithinFiftyMilliseconds() throws {
        try watching { _ in
            var slowest = 0.0
            for number in 0..<50 {
                let began = Deadline.now()
                let path = try fixture.file("new\(number)")
                #expect(wait { fixture.guestOwner(path) == wanted })
                slowest = max(slowest, Double(Deadline.now() - began) / 1e6)
            }
            #expect(slowest < 50, "\(slowest) ms")
        }
    }

    @Test func whatAppearsInNewAndMovedFoldersIsRight() throws {
        try watching { live in
            fixture.folder("new")
            fixture.folder("new/deep")
            let inner = try fixture.file("new/deep/inner")
            #expect(wait { fixture.guestOwner(inner) == wanted })
            // A tree that comes from outside whole.
            mkdir(fixture.outside("tree"), 0o755)
            mkdir(fixture.outside("tree/sub"), 0o755)
            try fixture.file(at: fixture.outside("tree/sub/file"))
            #expect(rename(fixture.outside("tree"), fixture.path("tree")) == 0)
            #expect(wait { fixture.guestOwner(fixture.path("tree/sub/file")) == wanted })
            #expect(wait { live.summary.folders == 5 })
            // A folder that moves inside goes on being watched, one that leaves does not.
            #expect(rename(fixture.path("tree/sub"), fixture.path("new/sub")) == 0)
            let moved = try fixture.file("new/sub/later")
            #expect(wait { fixture.guestOwner(moved) == wanted })
            #expect(rename(fixture.path("new"), fixture.outside("gone")) == 0)
            #expect(wait { live.summary.folders == 2 }, "\(live.summary)")
            let outside = try fixture.file(at: fixture.outside("gone/sub/outside"))
            let inside = try fixture.file("inside")
            #expect(wait { fixture.guestOwner(inside) == wanted })
            #expect(OwnershipFixture.attribute(outside, "user.virtfs.uid") == nil)
        }
    }

    @Test func whatTheGuestMadeCanBeUsedByTheProjectsOwner() throws {
        try watching { _ in
            let script = try guestFile("script", mode: 0o4775)
            let plain = try guestFile("plain", mode: 0o444)
            let folder = fixture.folder("folder", mode: 0o700)
            try say(folder, S_IFDIR | 0o2755)
            #expect(wait { OwnershipFixture.mode(script) == 0o755 && owner(script) == wanted })
            #expect(wait { OwnershipFixture.mode(plain) == 0o644 && owner(plain) == wanted })
            #expect(wait { OwnershipFixture.mode(folder) == 0o755 && owner(folder) == wanted })
            // The guest's chmod counts, and then the host's, each when it was last.
            try OwnershipFixture.set(script, "user.virtfs.mode", [0xA4, 0x81, 0, 0])
            #expect(wait { OwnershipFixture.mode(script) == 0o644 })
            chmod(script, 0o700)
            #expect(wait { OwnershipFixture.attribute(script, "user.virtfs.mode") == S_IFREG | 0o700 })
            #expect(OwnershipFixture.mode(script) == 0o700)
        }
    }

    @Test func whatTheGuestGaveToSomebodyStaysTheirs() throws {
        try watching { _ in
            let path = try guestFile("roots", mode: 0o600)
            try OwnershipFixture.set(path, "user.virtfs.uid", [0, 0, 0, 0])
            let marker = try fixture.file("marker")
            #expect(wait { fixture.guestOwner(marker) == wanted })
            #expect(OwnershipFixture.attribute(path, "user.virtfs.uid") == 0)
        }
    }

    @Test func onlyWhatIsTheGuestsOwnIsGivenAway() throws {
        // A second name of a file outside, a link made by the guest, a file of another user, the project's own folder.
        let secret = try fixture.file(at: fixture.outside("secret"), mode: 0o600)
        #expect(link(secret, fixture.path("name")) == 0)
        try watching { _ in
            try say(fixture.path("name"), S_IFREG | 0o777)
            let guestLink = try fixture.file("link", mode: 0o600)
            try say(guestLink, S_IFLNK | 0o777)
            let others = try fixture.file("others", mode: 0o600, owner: 99)
            try say(others, S_IFREG | 0o777)
            try say(fixture.root, S_IFDIR | 0o777)
            let setID = try fixture.file("set-id", mode: 0o4700)
            try say(setID, S_IFREG | 0o777)
            let marker = try guestFile("marker", mode: 0o711)
            #expect(wait { OwnershipFixture.mode(marker) == 0o711 && owner(guestLink) == wanted })
            #expect(OwnershipFixture.mode(secret) == 0o600 && owner(secret)?.userID == 0)
            #expect(OwnershipFixture.mode(guestLink) == 0o600)
            #expect(owner(others)?.userID == 99)
            #expect(OwnershipFixture.mode(fixture.root) == 0o755)
            #expect(OwnershipFixture.mode(setID) == 0o4700 && owner(setID)?.userID == 0)
            // The last name that is left is the project's own.
            unlink(secret)
            try fixture.file("again")
            unlink(fixture.path("again"))
            #expect(wait { owner(fixture.path("name")) == wanted })
        }
    }

    @Test func anOverflowIsMadeUpFor() throws {
        // More at once than any queue holds, in folders that appear and vanish meanwhile.
        try watching { live in
            for number in 0..<200 {
                fixture.folder("f\(number)")
                for inner in 0..<100 { try fixture.file("f\(number)/\(inner)") }
            }
            for number in 0..<100 { _ = rename(fixture.path("f\(number)"), fixture.path("g\(number)")) }
            #expect(
                wait(seconds: 60) {
                    (0..<200).allSatisfy { number in
                        [0, 50, 99].allSatisfy {
                            fixture.guestOwner(fixture.path("\(number < 100 ? "g" : "f")\(number)/\($0)")) == wanted
                        }
                    }
                }, "\(live.summary)")
            #expect(wait { live.summary.folders == 201 }, "\(live.summary)")
        }
    }

    @Test func aRenamerUnderItsFeetLeadsNothingOutside() throws {
        mkdir(fixture.outside("victim"), 0o700)
        let victim = try fixture.file(at: fixture.outside("victim/file"), mode: 0o600)
        let (root, outside) = (fixture.root, fixture.outside("victim"))
        try watching { live in
            let stop = try EventDescriptor()
            let done = try EventDescriptor()
            try Thread.start(name: "renamer") {
                // A folder and a link to the victim change places as fast as they can.
                mkdir(root + "/d", 0o755)
                symlink(outside, root + "/l")
                var turns = 0
                while stop.drain() == 0, turns < 100_000 {
                    rename(root + "/d", root + "/t")
                    rename(root + "/l", root + "/d")
                    rename(root + "/d", root + "/l")
                    rename(root + "/t", root + "/d")
                    close(open(root + "/d/file", O_CREAT | O_WRONLY, 0o600))
                    unlink(root + "/d/file")
                    turns += 1
                }
                done.signal()
            }
            let deadline = Deadline.after(milliseconds: 2_000)
            while !deadline.hasPassed {
                let marker = try fixture.file("marker")
                #expect(wait(seconds: 30) { fixture.guestOwner(marker) == wanted })
                unlink(marker)
            }
            stop.signal()
            #expect(wait { done.drain() > 0 })
            for path in [victim, outside] {
                #expect(OwnershipFixture.attribute(path, "user.virtfs.uid") == nil && owner(path)?.userID == 0)
            }
            #expect(OwnershipFixture.mode(victim) == 0o600 && OwnershipFixture.mode(outside) == 0o700)
            #expect(live.summary.folders <= 3, "\(live.summary)")
        }
    }

    @Test func foldersBeyondTheLimitAreToldAndStillLookedAt() throws {
        for number in 0..<20 { fixture.folder("f\(number)") }
        let inner = try fixture.file("f19/inner")
        let keeper = try LiveKeeper(
            project: fixture.root, owner: wanted, limit: (5, .systemLimit), isStopped: { false })
        keeper.lookAtEverything()
        #expect(keeper.summary.state == .partly && keeper.summary.folders == 5 && keeper.summary.unwatched == 16)
        #expect(keeper.summary.advice?.contains("max_user_watches") == true)
        #expect((0..<20).allSatisfy { fixture.guestOwner(fixture.path("f\($0)")) == wanted })
        #expect(fixture.guestOwner(inner) == wanted)
    }

    @Test func theWatchEndsWithWhatHappenedLast() throws {
        let live = try LiveOwnership(project: fixture.root, owner: wanted)
        #expect(wait { live.summary.state == .watching })
        var paths: [String] = []
        for number in 0..<500 { paths.append(try guestFile("x\(number)", mode: 0o755)) }
        live.end(deadline: .after(milliseconds: 10_000))
        #expect(paths.allSatisfy { OwnershipFixture.mode($0) == 0o755 && owner($0) == wanted })
        let after = try fixture.file("after")
        #expect(fixture.guestOwner(after)?.userID == 0)
    }

    @Test func anIdleWatchDoesNotWake() throws {
        try watching { live in
            try fixture.file("one")
            #expect(wait { live.summary.fixed > 0 })
            let before = try switches()
            poll(nil, 0, 500)
            #expect(try switches() - before <= 1)
        }
    }

    /// How often the watch's thread has slept so far; several watches may be there from tests beside this one.
    private func switches() throws -> Int {
        var least = Int.max
        for task in try SmallFile.names(in: "/proc/self/task") {
            guard let name = try? SmallFile.read("/proc/self/task/\(task)/comm"),
                name.starts(with: "live-ownership".utf8),
                let status = try? SmallFile.read("/proc/self/task/\(task)/status")
            else { continue }
            for line in String(decoding: status, as: UTF8.self).split(separator: "\n")
            where line.hasPrefix("voluntary_ctxt_switches:") {
                least = min(least, Int(line.split(separator: "\t").last ?? "") ?? 0)
            }
        }
        return least
    }
}
