import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization
import Testing

@testable import GuestAgent

/// Mounts, and a guest that changes everything under the walk's feet.
@Suite(.enabled(if: OwnedTree.canMount), .serialized) struct OwnershipMountTests {
    let tree: OwnedTree
    init() throws { tree = try OwnedTree() }

    @Test func noOtherMountIsEnteredNotEvenABindMountOfTheSameFileSystem() throws {
        try tree.fillOutside()
        let outside = tree.outsideState
        for name in ["bound", "memory", "own", "own-again"] { mkdir(tree.inside(name), 0o755) }
        try tree.file(tree.inside("bound-file"))
        try tree.mount(tree.folder + "/outside", on: tree.inside("bound"), bind: true)
        try tree.mount("memory", on: tree.inside("memory"), type: "tmpfs")
        try tree.mount(tree.inside("own"), on: tree.inside("own-again"), bind: true)
        let report = try tree.walk()
        #expect(report.examples(.otherMount) == ["bound", "memory", "own-again"], "\(report)")
        // The workspace, own and bound-file.
        #expect(report.changed == 3 && tree.outsideState == outside)
        #expect(throws: Refusal.self) { try tree.walk("/workspace", ["bound"]) }
        #expect(throws: Refusal.self) { try tree.walk("/workspace", ["bound/folder"]) }
    }

    @Test func aMountOfItsOwnIsWalkedWhenItIsNamed() throws {
        mkdir(tree.folder + "/mnt", 0o755)
        let data = tree.folder + "/mnt/data"
        try tree.mount("data", on: data, type: "tmpfs")
        mkdir(data + "/sub", 0o700)
        try tree.file(data + "/sub/file", owner: 99)
        try tree.file(data + "/linked")
        link(data + "/linked", data + "/sub/linked")
        // Of the whole mount both names are inside.
        let part = try tree.walk("/mnt/data/sub")
        #expect(part.changed == 2 && part.examples(.hardLink).count == 1, "\(part)")
        let report = try tree.walk("/mnt/data")
        #expect(report.problems.isEmpty && report.changed == 2, "\(report)")
        #expect(OwnedTree.isRight(data + "/linked") && OwnedTree.isRight(data))
        // Not what all users of the guest share, and not what is mounted in the system's folders.
        mkdir(tree.folder + "/run", 0o755)
        for path in ["/tmp", "/run/data"] {
            try tree.mount("data", on: tree.folder + path, type: "tmpfs")
            #expect(throws: Refusal.self) { try tree.walk(path) }
        }
    }

    @Test func aReadOnlyMountIsTold() throws {
        mkdir(tree.folder + "/mnt", 0o755)
        let data = tree.folder + "/mnt/ro"
        try tree.mount("data", on: data, type: "tmpfs")
        chmod(data, 0o755)
        try tree.file(data + "/file")
        // MS_REMOUNT | MS_RDONLY
        try Mount.mount("data", on: data, type: "tmpfs", options: .init(rawValue: 32 | 1))
        let report = try tree.walk("/mnt/ro")
        #expect(report.problem(.readOnly)?.count == 2 && report.changed == 0)
    }

    @Test func aTreeThatIsStirredMeanwhileLeadsNowhere() throws {
        try tree.fillOutside()
        let outside = tree.outsideState
        for number in 0..<20 {
            mkdir(tree.inside("f\(number)"), 0o755)
            for file in 0..<10 { try tree.file(tree.inside("f\(number)/\(file)")) }
        }
        mkdir(tree.inside("mounted"), 0o755)
        let stirring = Stirring()
        try stirring.run { try Self.stir(tree) }
        for _ in 0..<100 { _ = try tree.walk() }
        stirring.end()
        #expect(tree.outsideState == outside)
        let last = try tree.walk()
        #expect(last.problems.isEmpty, "\(last)")
        #expect(try tree.walk().calls == 0)
    }

    /// One turn of everything a hostile user, and root in the guest, may do to names; it ends as it began.
    private static func stir(_ tree: OwnedTree) throws {
        let (top, outside) = (tree.folder + "/workspace", tree.folder + "/outside")
        // A folder becomes a link to the outside and back.
        rename(top + "/f0", top + "/away")
        symlink(outside, top + "/f0")
        unlink(top + "/f0")
        rename(top + "/away", top + "/f0")
        // A file becomes a FIFO, a folder, a link to a file outside.
        unlink(top + "/f1/0")
        mkfifo(top + "/f1/0", 0o600)
        unlink(top + "/f1/0")
        mkdir(top + "/f1/0", 0o700)
        rmdir(top + "/f1/0")
        symlink(outside + "/secret", top + "/f1/0")
        unlink(top + "/f1/0")
        try tree.file(top + "/f1/0", mode: 0o444)
        // A folder changes its place, deeper and back.
        rename(top + "/f2", top + "/f3/f2")
        rename(top + "/f3/f2", top + "/f2")
        // The outside is mounted over a folder, and goes again.
        if (try? Mount.mount(outside, on: top + "/mounted", type: "", options: .init(rawValue: 4096))) != nil {
            try? Mount.detach(top + "/mounted")
        }
        if (try? Mount.mount(outside + "/folder", on: top + "/f4", type: "", options: .init(rawValue: 4096))) != nil {
            try? Mount.detach(top + "/f4")
        }
    }
}

/// Something that a thread does again and again until it is told to end.
final class Stirring: Sendable {
    private let goesOn = Atomic(true)
    private let ended = Mutex<EventDescriptor?>(nil)

    func run(_ body: @escaping @Sendable () throws -> Void) throws {
        let event = try EventDescriptor()
        ended.withLock { $0 = event }
        try Thread.start(name: "stir") { [self] in
            while goesOn.load(ordering: .relaxed) { try? body() }
            event.signal()
        }
    }

    /// Returns when the last turn is over.
    func end() {
        goesOn.store(false, ordering: .relaxed)
        guard let event = ended.withLock({ $0 }) else { return }
        var entry = pollfd(fd: event.rawValue, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, -1) < 0 {}
    }
}
