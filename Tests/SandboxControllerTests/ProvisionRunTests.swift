import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("One request to provision a guest")
struct ProvisionRunTests {
    private static func plan(_ warnings: [String] = []) -> ProvisionPlan {
        ProvisionPlan(
            hostname: "one", machineID: [UInt8](repeating: 7, count: 16),
            user: .init(name: "sandbox", userID: 1234, groupID: 1235), gitIdentity: .init(name: "N", email: "e"),
            authorizedKeys: [], environment: SessionEnvironment(), vault: TokenVault(TokenSet()),
            projectEnvironment: SessionEnvironment(), warnings: warnings)
    }

    private func run(_ agent: FakeAgent, _ steps: Set<ProvisionStep>) throws -> [ProvisionRecord] {
        try Provisioning.run(agent.endpoint, Self.plan(), steps: steps, deadline: .after(milliseconds: 3_000))
    }

    @Test func onlyWhatWasAskedForCountsAndEachOnce() throws {
        let agent = try FakeAgent { conversation in
            conversation.welcome()
            conversation.send(
                ProvisionReport(results: [
                    .init(.git, .done, "set\u{1B}[2J\nby a guest"), .init(.git, .failed, "again"),
                    .init(.user, .failed, "not asked"), .init(.clock, .unchanged),
                ]).frame())
        }
        let records = try run(agent, [.clock, .git, .home])
        #expect(records.map(\.step) == ["clock", "home", "git"])
        #expect(records.map(\.outcome) == ["unchanged", "failed", "done"])
        #expect(records[2].note == "set\\u{1B}[2J\\nby a guest")
        #expect(records[1].note.contains("does not know this step"))
    }

    @Test func refusalsSilenceAndConfusionAreErrors() throws {
        let refusing = try FakeAgent { conversation in
            conversation.welcome()
            conversation.send(Failure(.unsupported, "no\u{7}").frame())
        }
        let refused = #expect(throws: ControllerError.self) { try run(refusing, [.clock]) }
        #expect(refused?.code == .agentRefused && refused?.message.contains("no\\u{7}") == true)
        let confused = try FakeAgent { conversation in
            conversation.welcome()
            conversation.send(FrameEncoding.frame(.accepted, []))
        }
        #expect(#expect(throws: ControllerError.self) { try run(confused, [.clock]) }?.code == .agentRefused)
        let leaving = try FakeAgent { conversation in conversation.welcome() }
        #expect(#expect(throws: ControllerError.self) { try run(leaving, [.clock]) }?.code == .agentGone)
        let liar = try FakeAgent { conversation in conversation.welcome(secret: FakeAgent.secrets.host) }
        #expect(#expect(throws: ControllerError.self) { try run(liar, [.clock]) }?.code == .agentRefused)
    }

    @Test func theClockAndTheEntropyAreOfTheMoment() throws {
        let before = UInt64(Date().timeIntervalSince1970 * 1e9)
        let (first, second) = (try Self.plan().request([.clock]), try Self.plan().request([.clock]))
        let clock = try #require(first.clock)
        #expect(clock + 1_000_000_000 > before && clock < before + 60_000_000_000)
        #expect(first.entropy.count == 64 && first.entropy != second.entropy)
        #expect(first.safeDirectories == ["/workspace"] && first.steps == [.clock])
    }

    @Test func theUserIsTheOwnerOfTheProject() throws {
        let folder = NSTemporaryDirectory() + "keystone-owner-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let mine = try ProvisionPlan.user(owning: folder)
        #expect(mine.userID == geteuid() && mine.name == (geteuid() == 0 ? "root" : "sandbox"))
        if geteuid() == 0 {
            chown(folder, 54321, 54322)
            #expect(
                try ProvisionPlan.user(owning: folder) == .init(name: "sandbox", userID: 54321, groupID: 54322))
            chown(folder, 0, 54322)
            #expect(try ProvisionPlan.user(owning: folder) == .init(name: "root", userID: 0, groupID: 0))
        }
        #expect(throws: SystemError.self) { try ProvisionPlan.user(owning: folder + "/none") }
    }

    @Test func theMachineIdIsTheSandboxsOwnAndStays() throws {
        let (directory, other) = (StateDirectory(root: "/a"), StateDirectory(root: "/b"))
        func record(_ name: String, _ created: Double) -> SandboxRecord {
            SandboxRecord(
                name: name, project: "/p", created: Date(timeIntervalSince1970: created), settings: SandboxSettings())
        }
        let id = MachineIdentity.bytes(of: record("one", 1_790_000_000.75), in: directory)
        #expect(id.count == 16 && id[6] >> 4 == 4 && id[8] >> 6 == 2)
        let text = MachineIdentity.text(of: record("one", 1_790_000_000.75), in: directory)
        #expect(
            text.utf8.count == 32 && text == id.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        )
        // The registry keeps whole seconds; settings and project may change.
        #expect(MachineIdentity.bytes(of: record("one", 1_790_000_000), in: directory) == id)
        #expect(MachineIdentity.bytes(of: record("two", 1_790_000_000), in: directory) != id)
        #expect(MachineIdentity.bytes(of: record("one", 1_790_000_001), in: directory) != id)
        #expect(MachineIdentity.bytes(of: record("one", 1_790_000_000), in: other) != id)
    }

    @Test func newerRecordsTakeThePlacesOfOlderOnes() {
        func make(_ step: ProvisionStep, _ outcome: ProvisionReport.Outcome) -> ProvisionRecord {
            ProvisionRecord(.init(step, outcome))
        }
        let old = [make(.clock, .done), make(.user, .done), make(.git, .failed)]
        let merged = ProvisionRecord.merged(old, [make(.git, .done), make(.hostname, .done)])
        #expect(merged.map(\.step) == ["clock", "hostname", "user", "git"] && !merged.contains(where: \.failed))
        let long = ProvisionRecord(.init(.git, .failed, String(repeating: "\u{1}", count: 1024)))
        #expect(long.note.count == ProvisionRecord.noteLimit)
    }
}
