import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Changing tokens in the monitor")
struct TokenMonitorTests {
    private final class Room {
        let directory = StateDirectory(root: NSTemporaryDirectory() + "keystone-vault-\(UUID().uuidString)")
        let monitor: Monitor
        let snapshot = MonitorSnapshot(name: "one", secrets: FakeAgent.secrets)
        var events: String { (try? String(contentsOfFile: directory.eventsFile("one"), encoding: .utf8)) ?? "" }

        init(agent: FakeAgent, mailbox: Mailbox) throws {
            try FileManager.default.createDirectory(
                atPath: directory.stateFolder("one"), withIntermediateDirectories: true)
            monitor = Monitor(
                name: "one", directory: directory, channel: try FileDescriptor.open("/dev/null", O_RDWR),
                timeoutSeconds: 1)
            monitor.snapshot = snapshot
            let record = SandboxRecord(
                name: "one", project: directory.root, created: Date(), settings: SandboxSettings())
            monitor.provisioner = Provisioner(
                ProvisionSource(record: record, directory: directory, orders: StartOrders(), vault: monitor.vault),
                endpoint: agent.endpoint, mailbox: mailbox)
        }
        deinit { try? FileManager.default.removeItem(atPath: directory.root) }
    }

    private static func greeting(_ features: Features) -> AgentGreeting {
        AgentGreeting(softwareVersion: "1", bootID: "b", features: features)
    }

    private func next(_ mailbox: Mailbox) throws -> ProvisionResult {
        var entry = pollfd(fd: mailbox.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 10_000) == 1)
        guard case .provisioned(let result)? = mailbox.take() else { throw SystemError("take a result", code: ENODATA) }
        return result
    }

    /// - Returns: the final answer, and whatever was said before.
    private func change(_ change: TokenChange, _ report: ProvisionReport.Result) throws -> (Room, ControlMessage) {
        let agent = try FakeAgent { conversation in
            conversation.welcome()
            conversation.send(ProvisionReport(results: [report]).frame())
        }
        let mailbox = try Mailbox()
        let room = try Room(agent: agent, mailbox: mailbox)
        room.monitor.vault.replace(with: try TokenSet.given("OLD", Array("canary-old".utf8)))
        let pair = try UnixSocket.pair()
        room.monitor.change(change, ControlReply(pair.first), Self.greeting(.provisioning))
        room.monitor.take(try next(mailbox))
        while let message = try ControlMessage.read(from: pair.second, deadline: .after(milliseconds: 5_000)) {
            if message.kind == .done || message.kind == .failed { return (room, message) }
        }
        throw SystemError("read an answer", code: ENODATA)
    }

    @Test func whatIsGivenIsKeptToldAndNowhereWritten() throws {
        let (room, answer) = try change(
            .put(try TokenSet.given("NEW", Array("canary-new".utf8))), .init(.tokens, .done, "Inside: NEW, OLD."))
        #expect(answer.kind == .done && answer.text(.tokenListing)?.contains("NEW") == true)
        #expect(room.monitor.vault.current.names == ["NEW", "OLD"])
        #expect(room.snapshot.current.tokens == ["NEW", "OLD"])
        #expect(room.events.contains("\"given\":\"NEW\"") && !room.events.contains("canary"), "\(room.events)")
        let state = try String(contentsOfFile: room.directory.stateFile("one"), encoding: .utf8)
        #expect(state.contains("NEW") && !state.contains("canary"))
    }

    @Test func whatIsRevokedIsForgotten() throws {
        let (room, answer) = try change(.revoke(nil), .init(.tokens, .done))
        #expect(answer.kind == .done && room.monitor.vault.current.isEmpty)
        #expect(room.snapshot.current.tokens == [] && room.events.contains("\"revoked\":\"all\""))
    }

    @Test func aGuestThatCantTakeThemIsTold() throws {
        let (_, answer) = try change(.revoke(["OLD"]), .init(.tokens, .failed, "no memory\u{1B}"))
        #expect(answer.kind == .failed && answer.text(.text)?.contains("no memory\\u{1B}") == true)
    }

    @Test func withoutAnAgentThatProvisionsNothingIsKept() throws {
        let agent = try FakeAgent { _ in }
        let room = try Room(agent: agent, mailbox: try Mailbox())
        let pair = try UnixSocket.pair()
        room.monitor.change(
            .put(try TokenSet.given("NEW", [65])), ControlReply(pair.first), Self.greeting([]))
        #expect(try ControlMessage.read(from: pair.second, deadline: .after(milliseconds: 5_000))?.kind == .failed)
        #expect(room.monitor.vault.current.isEmpty)
    }

    @Test func aPlanThatWasMadeBeforeARevocationGivesNothingBack() throws {
        let vault = TokenVault(try TokenSet.given("A", [65]))
        let plan = ProvisionPlan(
            hostname: "one", machineID: [UInt8](repeating: 7, count: 16),
            user: .init(name: "root", userID: 0, groupID: 0),
            gitIdentity: nil, authorizedKeys: [], environment: SessionEnvironment(), vault: vault,
            projectEnvironment: SessionEnvironment(), warnings: [])
        #expect(try plan.request([.tokens]).tokens.map(\.name) == ["A"])
        #expect(try plan.request([.clock]).tokens.isEmpty)
        vault.replace(with: TokenSet())
        #expect(try plan.request([.tokens]).tokens.isEmpty)
    }
}
