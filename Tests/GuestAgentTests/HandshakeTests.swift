import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

@Suite struct HandshakeTests {
    let agent: TestAgent
    init() throws { agent = try TestAgent(helloMilliseconds: 200) }

    private func failure(after bytes: [UInt8]) throws -> Failure? {
        let connection = try agent.connect()
        // The agent may have closed already when the last bytes go.
        try? connection.send(bytes)
        return try connection.result().failure
    }

    @Test func welcomeAndStartedComeInOnePiece() throws {
        let connection = try agent.start(.init(["/bin/true"]))
        let welcome = try #require(try connection.next()).decode(Welcome.self)
        #expect(welcome.secret == agent.credential.guest)
        #expect(welcome.version == 1)
        #expect(try connection.next()?.kind == .started)
        #expect(try connection.next()?.kind == .exit)
        #expect(try connection.next() == nil)
    }

    @Test func hostMayWaitForTheWelcome() throws {
        let connection = try agent.connect()
        try connection.send(agent.hello())
        _ = try connection.next(.welcome)
        try connection.send(ExecRequest(["/bin/true"]))
        #expect(try connection.result().exit?.outcome == .code(0))
    }

    @Test func wrongSecretIsRefusedAndLearnsNothing() throws {
        let wrong = try #require(Secret([UInt8](repeating: 0, count: 32)))
        let connection = try agent.connect()
        try connection.send(agent.hello(secret: wrong) + ExecRequest(["/bin/true"]).frame())
        let first = try #require(try connection.next())
        #expect(first.kind == .failure)
        #expect(try first.decode(Failure.self).code == .unauthorized)
        #expect(try connection.next() == nil)
    }

    @Test func silenceIsEndedByTheDeadline() throws {
        #expect(try failure(after: [])?.code == .malformed)
        #expect(try failure(after: Array(agent.hello().prefix(20)))?.code == .malformed)
        #expect(try failure(after: agent.hello())?.code == .malformed)
    }

    @Test func whatIsNoHelloIsRefused() throws {
        #expect(try failure(after: Array("GET / HTTP/1.1\r\n\r\n".utf8))?.code == .malformed)
        #expect(try failure(after: ExecRequest(["/bin/true"]).frame())?.code == .malformed)
        #expect(try failure(after: agent.hello(role: .report))?.code == .malformed)
        // Before the secret was shown even a request of a permitted size is too long.
        #expect(try failure(after: [0, 0, 1, 0, FrameKind.execRequest.rawValue, 0, 0, 0])?.code == .malformed)
        #expect(try failure(after: [255, 255, 255, 255, FrameKind.hello.rawValue, 0, 0, 0])?.code == .malformed)
    }

    @Test func oversizedAndUnknownFramesAreRefusedAfterTheHello() throws {
        #expect(
            try failure(after: agent.hello() + [0, 0, 0, 127, FrameKind.execRequest.rawValue, 0, 0, 0])?.code
                == .malformed)
        #expect(try failure(after: agent.hello() + [0, 0, 0, 0, 0x7E, 0, 0, 0])?.code == .malformed)
        #expect(try failure(after: agent.hello() + FrameEncoding.frame(.execRequest))?.code == .malformed)
    }

    @Test func unknownIgnorableFramesAreSkipped() throws {
        let connection = try agent.connect()
        try connection.send(agent.hello() + [1, 0, 0, 0, 0x90, 0, 0, 0, 42] + ExecRequest(["/bin/true"]).frame())
        #expect(try connection.result().exit?.outcome == .code(0))
    }

    @Test func versionsThatDoNotMeetAreExplained() throws {
        let failure = try #require(try failure(after: agent.hello(versions: .init(lowest: 7, highest: 9))))
        #expect(failure.code == .versionMismatch)
        #expect(failure.message.contains("7 to 9"))
    }

    @Test func requestInPiecesIsPutTogether() throws {
        let connection = try agent.connect()
        for byte in agent.hello() + ExecRequest(["/bin/echo", "pieces"]).frame() { try connection.send([byte]) }
        #expect(try connection.result().text == "pieces\n")
    }

    @Test func echoComesBack() throws {
        let connection = try agent.connect()
        try connection.send(agent.hello() + FrameEncoding.frame(.echo, [1, 2, 3]))
        #expect(try connection.next(.echoReply).payload == [1, 2, 3])
        let large = [UInt8](repeating: 7, count: Limits.dataPayload)
        try connection.send(.echo, large)
        #expect(try connection.next(.echoReply).payload == large)
    }

    @Test func powerRequestIsRefusedWhereTheAgentIsNoGuests() throws {
        #expect(try failure(after: agent.hello() + PowerRequest(action: .powerOff).frame())?.code == .unsupported)
    }

    @Test func aHelloThatIsKeptBackComesWhenTheMachineIsWhole() throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let host = VsockAddress.unix(path: folder + "/host")
        let listener = try VsockListener(host, port: Ports.report)
        let gate = try FileDescriptor.pipe()
        let reader = gate.first
        let writer = gate.second
        let agent = try TestAgent(report: host, helloAfter: reader.release())
        #expect(try agent.run("echo up").text == "up\n")
        #expect(throws: (any Error).self) { _ = try listener.accept(deadline: .after(milliseconds: 50)) }
        close(writer.release())
        let connection = TestConnection(try listener.accept(deadline: .after(milliseconds: 10_000)).take())
        #expect(try connection.next(.hello).decode(Hello.self).role == .report)
    }

    @Test func agentSaysHelloAndComesBackWhenTheHostDoes() throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let host = VsockAddress.unix(path: folder + "/host")
        var listener = try VsockListener(host, port: Ports.report)
        let agent = try TestAgent(report: host)
        for _ in 0..<2 {
            let connection = TestConnection(try listener.accept(deadline: .after(milliseconds: 10_000)).take())
            let hello = try connection.next(.hello).decode(Hello.self)
            #expect(hello.role == .report)
            #expect(hello.secret == agent.credential.guest)
            #expect(hello.bootID?.utf8.count == 36)
            try connection.send(Welcome(version: 1, features: [], secret: agent.credential.host))
            // The agent serves once it has said hello.
            #expect(try agent.run("echo up").text == "up\n")
            connection.close()
            unlink(folder + "/host_\(Ports.report)")
            listener = try VsockListener(host, port: Ports.report)
        }
    }
}
