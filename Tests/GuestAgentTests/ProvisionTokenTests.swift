import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// Tokens: files in memory, and variables of the sandbox user's sessions.
@Suite(.enabled(if: GuestTree.canRun)) struct ProvisionTokenTests {
    let guest: GuestTree
    private static let folder = "/run/keystone/tokens"

    init() throws {
        guest = try GuestTree()
        guest.prepare()
    }

    static func tokens(_ values: [String: [UInt8]]) -> [ProvisionRequest.Token] {
        values.sorted { $0.key < $1.key }.compactMap { name, bytes in
            TokenValue(bytes).flatMap { ProvisionRequest.Token(name: name, value: $0) }
        }
    }

    private func give(_ values: [String: String]) throws -> ProvisionReport.Result {
        let tokens = Self.tokens(values.mapValues { Array($0.utf8) })
        return try #require(guest.run(.tokens, ProvisionRequest(steps: [], user: guest.user, tokens: tokens)))
    }

    private var names: [String] { (try? SmallFile.names(in: guest.folder + Self.folder)) ?? [] }
    private func file(_ name: String) -> String { "\(Self.folder)/\(name)" }

    @Test func eachIsAFileOfTheUsersAndAVariable() throws {
        let result = try give(["A_KEY": "one\n", "B": "two"])
        #expect(result.outcome == .done && result.note == "Inside: A_KEY, B.", "\(result)")
        #expect(guest.text(file("A_KEY")) == "one\n" && guest.text(file("B")) == "two")
        #expect(guest.mode(file("A_KEY")) == 0o400)
        #expect(guest.owner(file("A_KEY")) == [GuestTree.ids.user, GuestTree.ids.group])
        #expect(guest.mode(Self.folder) == 0o750 && guest.owner(Self.folder) == [0, GuestTree.ids.group])
        #expect(guest.machine.state.withLock { $0.memoryFolder } == guest.folder + Self.folder)
        let values = guest.defaults.current
        #expect(values.entries(for: GuestTree.ids.user).suffix(2) == [Array("A_KEY=one\n".utf8), Array("B=two".utf8)])
        #expect(!values.entries(for: 0).contains { $0.starts(with: "B=".utf8) })
        #expect(values.entries(for: GuestTree.ids.user, withTokens: false).allSatisfy { !$0.starts(with: "B=".utf8) })
    }

    @Test func twiceChangesNothing() throws {
        _ = try give(["A": "one"])
        let before = guest.picture()
        #expect(try give(["A": "one"]).outcome == .unchanged)
        #expect(guest.picture() == before)
    }

    @Test func aRotationReplacesTheFileAsAWhole() throws {
        _ = try give(["A": "old", "B": "two"])
        let open = try FileDescriptor.open(guest.folder + file("A"), O_RDONLY)
        let untouched = guest.status(file("B"))?.st_ino
        #expect(try give(["A": "newer", "B": "two"]).outcome == .done)
        #expect(guest.text(file("A")) == "newer" && guest.status(file("B"))?.st_ino == untouched)
        // Whoever reads it at that moment reads the old one to its end.
        #expect(try open.readAll(limit: 100) == Array("old".utf8))
        #expect(names == ["A", "B"])
    }

    @Test func whatIsRevokedIsGoneForThoseWhoHoldItOpenToo() throws {
        _ = try give(["A": "canary", "B": "two"])
        let open = try FileDescriptor.open(guest.folder + file("A"), O_RDONLY)
        #expect(try give(["B": "two"]).outcome == .done)
        #expect(names == ["B"])
        #expect(try open.readAll(limit: 100).isEmpty)
        #expect(try give([:]).outcome == .done)
        #expect(names.isEmpty && guest.defaults.current.tokens == nil)
        #expect(try give([:]).outcome == .unchanged)
    }

    @Test func withoutTokensNothingIsMade() throws {
        #expect(try give([:]).outcome == .unchanged)
        #expect(guest.status("/run/keystone") == nil)
    }

    @Test func whatStandsInTheWayIsReplacedAndNeverFollowed() throws {
        _ = try give(["A": "one"])
        let outside = guest.folder + "/etc/outside"
        try guest.write("/etc/outside", "kept")
        for name in ["A", ".A.keystone-new", "STRAY"] {
            unlink(guest.folder + file(name))
            #expect(symlink(outside, guest.folder + file(name)) == 0)
        }
        // A link in a token's place is told; it is no file of ours.
        #expect(try give(["A": "two"]).outcome == .failed)
        #expect(guest.text("/etc/outside") == "kept")
        #expect(try give([:]).outcome == .done)
        #expect(names.isEmpty && guest.text("/etc/outside") == "kept")
        #expect(try give(["A": "three"]).outcome == .done)
        #expect(guest.text(file("A")) == "three")
    }

    @Test func whatAKilledRunLeftIsCleanedUp() throws {
        _ = try give(["A": "one"])
        try guest.write(file(".A.keystone-new"), "ha")
        try guest.write(file("OLD"), "canary")
        chmod(guest.folder + file("A"), 0o644)
        chmod(guest.folder + Self.folder, 0o777)
        #expect(try give(["A": "one"]).outcome == .done)
        #expect(names == ["A"] && guest.mode(file("A")) == 0o400 && guest.mode(Self.folder) == 0o750)
    }

    @Test func aValueWithNulIsAFileAndSaysSo() throws {
        let tokens = Self.tokens(["BIN": [1, 0, 255], "TEXT": Array("t".utf8)])
        let result = try #require(guest.run(.tokens, ProvisionRequest(steps: [], user: guest.user, tokens: tokens)))
        #expect(result.note.contains("BIN is a file only, and no variable: it has a NUL byte."))
        #expect(try SmallFile.read(guest.folder + file("BIN")) == [1, 0, 255])
        #expect(guest.defaults.current.entries(for: GuestTree.ids.user).last == Array("TEXT=t".utf8))
    }

    @Test func whereThereIsNoMemoryNothingIsWritten() throws {
        guest.machine.state.withLock { $0.refuses = true }
        let result = try give(["A": "canary"])
        #expect(result.outcome == .failed && !result.note.contains("canary"), "\(result)")
        #expect(names.isEmpty)
    }

    @Test func otherUsersTokensFollowTheUser() throws {
        _ = try give(["A": "one"])
        let other = ProvisionRequest.User(name: "sandbox", userID: 42_000, groupID: 42_001)
        let request = ProvisionRequest(
            steps: [.user, .tokens], user: other, tokens: Self.tokens(["A": Array("one".utf8)]))
        #expect(guest.provisioner.run(request).results.map(\.outcome) == [.done, .done])
        #expect(guest.owner(file("A")) == [42_000, 42_001])
    }

    @Test func precedenceIsEnvironmentThenTokensThenTheProjectsFiles() throws {
        _ = try give(["A": "token", "B": "token"])
        func entries(_ text: [String]) -> [[UInt8]] { text.map { Array($0.utf8) } }
        _ = guest.run(.environment, ProvisionRequest(steps: [], environment: entries(["A=flag"])))
        let result = guest.run(
            .dotenv, ProvisionRequest(steps: [], projectEnvironment: entries(["A=file", "B=file", "C=1", "C=file"])))
        #expect(result?.outcome == .done)
        let given = guest.defaults.current.entries(for: GuestTree.ids.user).map { String(decoding: $0, as: UTF8.self) }
        #expect(given.filter { $0.first.map { "ABC".contains($0) } == true } == ["C=file", "B=token", "A=flag"])
        #expect(guest.defaults.current.entries(for: 0).contains(Array("B=file".utf8)))
        #expect(
            guest.run(.dotenv, ProvisionRequest(steps: [], projectEnvironment: [Array("x".utf8)]))?.outcome == .failed)
    }
}
