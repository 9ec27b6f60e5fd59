import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("What a guest's agent says of owners")
struct GuestWalkTests {
    private static let owner = FileOwner(userID: 4321, groupID: 4322)
    private static let request = OwnershipRequest(root: GuestWalk.workspace, userID: 4321, groupID: 4322)

    private func ask(_ request: OwnershipRequest = request, _ script: @escaping @Sendable (FakeConversation) -> Void)
        throws -> GuestCheck?
    {
        let agent = try FakeAgent { conversation in
            _ = conversation.readKind()
            guard conversation.readKind() == .ownershipRequest else { return }
            conversation.send(
                Welcome(version: 1, features: .ownership, secret: FakeAgent.secrets.guest).frame())
            script(conversation)
        }
        return try GuestWalk.run(request, at: agent.endpoint) { _ in }
    }

    @Test func theLastReportCountsAndWhatIsSaidIsMadeSafe() throws {
        let check = try #require(
            try ask { conversation in
                for seen in 1...3 {
                    conversation.send(GuestOwnershipReport(isPartial: true, seen: UInt64(seen)).frame())
                }
                conversation.send(
                    GuestOwnershipReport(
                        seen: .max, changed: 7,
                        problems: [
                            .init(.otherMount, count: 2, examples: [Array("a\u{1B}[2J\n".utf8), [0xFF]]),
                            .init(.other, code: 5, count: .max), .init(.other, code: .max, count: 1),
                            .init(.device, count: 0),
                        ]
                    ).frame())
            })
        #expect(check.seen == .max && check.changed == 7 && check.isComplete)
        #expect(Set(check.problems.keys) == [.otherMount, .other(errno: 5), .other(errno: .max)])
        let examples = check.problems[.otherMount]?.examples.map(OwnershipReport.printable)
        #expect(examples == ["a\\u{1B}[2J\\n", "\u{FFFD}"])
        // Sums of what a guest says may be anything, but they don't trap.
        _ = check.notFixed
        for (kind, _) in check.sortedProblems {
            #expect(!kind.reasonInGuest.isEmpty && !kind.adviceInGuest(owner: Self.owner).isEmpty)
        }
    }

    @Test func anOldAgentIsNoFailureAndWhatIsNoAnswerIs() throws {
        let old = try FakeAgent { conversation in
            conversation.welcome()
            conversation.send(Failure(.malformed, "unknown kind").frame())
        }
        #expect(try GuestWalk.run(Self.request, at: old.endpoint) { _ in } == nil)
        let refused = #expect(throws: ControllerError.self) {
            try ask { $0.send(Failure(.noSuchDirectory, "no \u{7}such").frame()) }
        }
        #expect(refused?.code == .agentRefused && refused?.message.contains("\\u{7}") == true)
        #expect(
            #expect(throws: ControllerError.self) { try ask { $0.send(FrameEncoding.frame(.accepted)) } }?.code
                == .agentRefused)
        #expect(#expect(throws: ControllerError.self) { try ask { _ in } }?.code == .agentGone)
        let malformed = FrameEncoding.frame(.ownershipReport, [9, 0, 1, 0, 0, 0, 0])
        #expect(#expect(throws: ControllerError.self) { try ask { $0.send(malformed) } }?.code == .agentRefused)
    }

    @Test func theGuestHasTheLastWordOnlyWhereItSawEverything() throws {
        var report = OwnershipReport(security: .mapped, owner: Self.owner, isDryRun: false)
        report.add(.otherMount) { [65] }
        #expect(!report.isRight && report.sentence?.contains("1 entry of the project") == true)
        report.guest = [GuestCheck(GuestOwnershipReport(seen: 5, changed: 1), of: Self.request)]
        #expect(report.isRight && report.sentence == nil)
        report.guest = [GuestCheck(GuestOwnershipReport(isComplete: false), of: Self.request)]
        #expect(!report.isRight)
        let elsewhere = OwnershipRequest(root: Array("/mnt".utf8), userID: 1, groupID: 1)
        report.guest = [GuestCheck(GuestOwnershipReport(), of: elsewhere)]
        #expect(!report.isRight)
        report.guest = [
            GuestCheck(GuestOwnershipReport(problems: [.init(.device, count: 2)]), of: Self.request)
        ]
        #expect(report.sentence?.hasPrefix("The guest's agent found 2 entries that could not be given") == true)
    }

    @Test func theAgentIsAskedForNoMoreThanIsOfUse() throws {
        var report = OwnershipReport(security: .mapped, owner: Self.owner, isDryRun: false)
        var fix = OwnershipFix()
        let glance = SandboxController.requests(fix, report)
        #expect(glance.map(\.limitMilliseconds) == [OwnershipFix.glanceMilliseconds])
        report.add(.symbolicLink) { [65] }
        #expect(SandboxController.requests(fix, report).map(\.limitMilliseconds) != [nil])
        report.add(.notPermitted) { [65] }
        #expect(SandboxController.requests(fix, report).map(\.limitMilliseconds) == [nil])
        fix.isDryRun = true
        #expect(SandboxController.requests(fix, report).isEmpty)
        fix.verifies = true
        fix.paths = [try ProjectPath(Array("a//b".utf8), project: "/p")]
        fix.guestPaths = [Array("/mnt".utf8)]
        let both = SandboxController.requests(fix, report)
        #expect(both.map(\.dryRun) == [true, true] && both.map(\.root) == [GuestWalk.workspace, Array("/mnt".utf8)])
        #expect(both.first?.paths == [Array("a/b".utf8)] && both.last?.paths == [])
        fix.paths.append(ProjectPath())
        #expect(SandboxController.requests(fix, report).first?.paths == [])
        let none = OwnershipReport(security: .none, owner: Self.owner, isDryRun: false)
        #expect(SandboxController.requests(OwnershipFix(), none).isEmpty)
    }

    @Test func pathsMayBeTheGuests() throws {
        func bytes(_ text: String, _ project: String) throws -> String {
            String(decoding: try ProjectPath(Array(text.utf8), project: project).bytes, as: UTF8.self)
        }
        #expect(try bytes("/workspace/src/../a", "/home/p") == "a")
        #expect(try bytes("/workspace", "/home/p") == "")
        // The host's own meaning comes first.
        #expect(try bytes("/workspace/p/a", "/workspace/p") == "a")
        #expect(throws: ControllerError.self) { try bytes("/workspaces/a", "/home/p") }
    }
}
