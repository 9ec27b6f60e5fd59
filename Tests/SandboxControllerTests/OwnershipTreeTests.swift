import Foundation
import Glibc
import LinuxSystem
import Synchronization
import Testing

@testable import SandboxController

/// Trees that are deep, wide, or changed under the walk's feet.
@Suite(.enabled(if: getuid() == 0)) struct OwnershipTreeTests {
    private let fixture: OwnershipFixture
    init() throws { fixture = try OwnershipFixture() }

    /// Makes folders one in another, each with a file and a folder beside, longer than any path may be.
    private func nest(_ depth: Int, name: String) throws {
        var current = try FileDescriptor.open(fixture.root, O_RDONLY | O_DIRECTORY)
        for _ in 0..<depth {
            try #require(mkdirat(current.rawValue, name, 0o755) == 0)
            try #require(mkdirat(current.rawValue, "beside", 0o755) == 0)
            try current.open("file", O_CREAT | O_WRONLY, mode: 0o444).setNonBlocking(false)
            current = try current.open(name, O_RDONLY | O_DIRECTORY)
        }
    }

    private static func openDescriptors() -> Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).count
    }

    @Test func aPathOfMoreThan4096BytesIsWalked() throws {
        try nest(300, name: String(repeating: "n", count: 60))
        let report = try fixture.walk()
        #expect(report.changed == 901 && report.isRight, "\(report)")
        let again = try fixture.walk()
        #expect(again.alreadyRight == 901 && again.changed == 0)
    }

    @Test func threeThousandLevelsNeedFewDescriptors() throws {
        try nest(3000, name: "d")
        let (before, most, walking) = (Self.openDescriptors(), Highest(), Flag())
        let watched = DispatchSemaphore(value: 0)
        try LinuxSystem.Thread.start(name: "watch") {
            while walking.isSet { most.note(Self.openDescriptors()) }
            watched.signal()
        }
        let report = try fixture.walk()
        walking.clear()
        watched.wait()
        #expect(report.changed == 9001 && report.isRight, "\(report)")
        // Other tests open files of their own meanwhile, hence the room.
        #expect(most.value - before < 400)
    }

    @Test func entriesThatComeAndGoAreNoFailure() throws {
        let outside = try fixture.file(at: fixture.outside("secret"))
        for number in 0..<20 {
            fixture.folder("f\(number)")
            for file in 0..<10 { try fixture.file("f\(number)/\(file)") }
        }
        let stirring = Flag()
        let stirred = DispatchSemaphore(value: 0)
        let (root, inside) = (fixture.root, fixture.path("f0"))
        try LinuxSystem.Thread.start(name: "stir") {
            while stirring.isSet {
                rename(root + "/f1/3", root + "/f2/moved")
                rename(root + "/f2/moved", root + "/f1/3")
                // A folder becomes a link to the outside and back.
                rename(inside, root + "/away")
                symlink((root as NSString).deletingLastPathComponent, inside)
                unlink(inside)
                rename(root + "/away", inside)
                unlink(root + "/f3/0")
                close(open(root + "/f3/0", O_CREAT | O_WRONLY, 0o444))
                mkdir(root + "/f4/new", 0o700)
                rmdir(root + "/f4/new")
            }
            stirred.signal()
        }
        for _ in 0..<200 {
            let report = try fixture.walk()
            // Only the link itself, caught while it was there, may be told.
            #expect(report.problems.keys.allSatisfy { $0 == .symbolicLink }, "\(report)")
        }
        stirring.clear()
        stirred.wait()
        #expect(OwnershipFixture.attribute(outside, "user.virtfs.uid") == nil)
        #expect(try fixture.walk().isRight)
        #expect(try fixture.walk().changed == 0)
    }

    @Test func twentyThousandEntriesTakeNoTime() throws {
        for folder in 0..<200 {
            fixture.folder("\(folder)")
            for file in 0..<100 { try fixture.file("\(folder)/\(file)", mode: 0o444) }
        }
        let (first, second) = (try fixture.walk(), try fixture.walk())
        print("20,201 entries: first pass \(first.seconds) s, second pass \(second.seconds) s")
        #expect(first.changed == 20_201 && second.changed == 0)
        #expect(first.seconds < 5 && second.seconds < 5)
    }
}

/// Tells a thread to go on.
private final class Flag: Sendable {
    private let state = Atomic(true)
    var isSet: Bool { state.load(ordering: .relaxed) }
    func clear() { state.store(false, ordering: .relaxed) }
}

private final class Highest: Sendable {
    private let state = Atomic(0)
    var value: Int { state.load(ordering: .relaxed) }
    func note(_ number: Int) { state.max(number, ordering: .relaxed) }
}
