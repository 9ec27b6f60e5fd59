import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("A host and an agent that does not behave")
struct GuestConnectionTests {
    private static let request = ExecRequest(arguments: [Array("true".utf8)]).frame()

    /// Runs the opening of a conversation and gives the error it ends with.
    private func failure(_ script: @escaping @Sendable (FakeConversation) -> Void) throws -> ControllerError? {
        let agent = try FakeAgent(script: script)
        let connection = try agent.connect()
        do {
            try connection.begin(GuestConnectionTests.request, deadline: .after(milliseconds: 5_000))
            _ = try connection.readWelcome(deadline: .after(milliseconds: 5_000))
            while try connection.withNextFrame(deadline: .after(milliseconds: 5_000), { $0.kind }) != .exit {}
            return nil
        } catch {
            return error as? ControllerError
        }
    }

    @Test func aWrongSecretIsRefusedBeforeAnythingElseIsRead() throws {
        let wrong = try #require(Secret([UInt8](repeating: 9, count: 32)))
        let error = try failure { $0.welcome(secret: wrong) }
        #expect(error?.code == .agentRefused)
        #expect(error?.message.contains("does not know the boot secret") == true)
    }

    @Test func silenceEndsAtTheDeadline() throws {
        let agent = try FakeAgent { conversation in while conversation.readKind() != nil {} }
        let connection = try agent.connect()
        try connection.begin(GuestConnectionTests.request, deadline: .after(milliseconds: 1_000))
        #expect(throws: ControllerError(.timeout, "The agent in sandbox fake did not answer in time.")) {
            try connection.readWelcome(deadline: .after(milliseconds: 50))
        }
    }

    @Test func aLengthOfFourGibibytesIsRefusedWithoutRoomForIt() throws {
        let error = try failure { conversation in
            conversation.welcome()
            conversation.send([0xFF, 0xFF, 0xFF, 0xFF, FrameKind.standardOutput.rawValue, 0, 0, 0])
        }
        #expect(error?.code == .agentRefused)
    }

    @Test func anUnknownFrameKindIsRefusedAndAnIgnorableOneIsSkipped() throws {
        let refused = try failure { conversation in
            conversation.welcome()
            conversation.send([0, 0, 0, 0, 0x7F, 0, 0, 0])
        }
        #expect(refused?.code == .agentRefused)
        let skipped = try failure { conversation in
            conversation.welcome()
            conversation.send([2, 0, 0, 0, 0x90, 0, 0, 0, 1, 2])
            conversation.send(ExitReport(outcome: .code(0)).frame())
        }
        #expect(skipped == nil)
    }

    @Test func anEndWithoutAWordIsALostAgent() throws {
        #expect(try failure { $0.welcome() }?.code == .agentGone)
        #expect(try failure { _ in }?.code == .agentGone)
    }

    @Test func terminalEscapesInAFailureAreNotPassedOn() throws {
        let error = try failure { conversation in
            _ = conversation.readKind()
            conversation.send(Failure(.other, "no\u{1B}[2Jway\n").frame())
        }
        #expect(error?.message.contains("\u{1B}") == false)
        #expect(error?.message.contains("\\u{1B}[2Jway\\n") == true)
    }

    @Test func aVersionMismatchIsToldInPlainWords() throws {
        let error = try failure { conversation in
            _ = conversation.readKind()
            conversation.send(
                Failure(.versionMismatch, "this agent speaks protocol versions 3 to 4, the host 1 to 1").frame())
        }
        #expect(
            error?.message
                == "The agent in sandbox fake refused: this agent speaks protocol versions 3 to 4, the host 1 to 1")
    }

    @Test(arguments: [FrameKind.exit, .started, .standardInputWindow, .welcome])
    func aMalformedMessageIsAnErrorNotATrap(_ kind: FrameKind) throws {
        let agent = try FakeAgent { conversation in
            conversation.welcome()
            conversation.send(FrameEncoding.frame(kind, [1, 0, 255, 255, 255, 255, 7]))
        }
        let connection = try agent.connect()
        try connection.begin(GuestConnectionTests.request, deadline: .after(milliseconds: 1_000))
        _ = try connection.readWelcome(deadline: .after(milliseconds: 5_000))
        try connection.withNextFrame(deadline: .after(milliseconds: 5_000)) { frame in
            #expect(throws: ControllerError.self) {
                switch kind {
                case .exit: _ = try connection.decode(ExitReport.self, frame)
                case .started: _ = try connection.decode(Started.self, frame)
                case .standardInputWindow: _ = try connection.decode(StandardInputWindow.self, frame)
                default: _ = try connection.decode(Welcome.self, frame)
                }
            }
        }
    }

    @Test func noAgentAtAllIsAgentGone() throws {
        let agent = try FakeAgent { _ in }
        let endpoint = GuestConnection.Endpoint(
            address: .unix(path: agent.folder + "/nobody"), secrets: FakeAgent.secrets, sandbox: "fake")
        #expect(throws: ControllerError.self) {
            try GuestConnection.open(endpoint, deadline: .after(milliseconds: 500))
        }
    }

    @Test(arguments: [true, false])
    func anAgentThatTakesNoConnectionIsUnreachableNotLost(_ closesAtOnce: Bool) throws {
        let folder = NSTemporaryDirectory() + "keystone-fake-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // A device whose guest refuses: it ends the connection without an answer.
        let raw = try UnixSocket.listen(at: folder + "/vsock.sock").release()
        try Thread.start(name: "fake-device") {
            let listener = FileDescriptor(owning: raw)
            guard let visitor = try? UnixSocket.accept(listener.rawValue) else { return }
            if !closesAtOnce { try? visitor.waitUntilReady(Int32(POLLIN), deadline: .after(milliseconds: 5_000)) }
        }
        let endpoint = GuestConnection.Endpoint(
            address: .hybrid(path: folder + "/vsock.sock"), secrets: FakeAgent.secrets, sandbox: "fake")
        // A device that is quick to close may be gone before the question is out.
        let begin = { () throws(ControllerError) in
            let connection = try GuestConnection.open(endpoint, deadline: .after(milliseconds: 5_000))
            try connection.begin(GuestConnectionTests.request, deadline: .after(milliseconds: 5_000))
        }
        let error = #expect(throws: ControllerError.self) { try begin() }
        #expect(error?.code == .agentGone)
        #expect(error?.message.contains("can't be reached") == true)
    }
}
