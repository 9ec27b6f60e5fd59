import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// Forwards over a connection, as the host makes them.
@Suite struct ForwardTests {
    let agent: TestAgent

    init() throws {
        agent = try TestAgent()
        chmod(agent.folder, 0o755)
    }

    private func ask(_ request: ForwardRequest, behind: [UInt8] = []) throws -> TestConnection {
        let connection = try agent.connect()
        try connection.send(agent.hello() + request.frame() + behind)
        return connection
    }

    private func refusal(_ request: ForwardRequest) throws -> Failure {
        let connection = try ask(request)
        let failure = try connection.next(.failure).decode(Failure.self)
        #expect(try connection.next() == nil)
        return failure
    }

    private func path(_ name: String) -> ForwardRequest.Target { .path(Array((agent.folder + "/" + name).utf8)) }

    /// What listens in the guest.
    private final class Server {
        private let listener: FileDescriptor
        private let deadline = Deadline.after(milliseconds: 30_000)

        init(_ listener: consuming FileDescriptor) { self.listener = listener }
        convenience init(at address: InternetAddress) throws { self.init(try TcpSocket.listen(at: address, port: 0)) }

        var port: UInt16 { (try? TcpSocket.port(of: listener.rawValue)) ?? 0 }
        var target: ForwardRequest.Target { .port(port) }

        func accept() throws -> Visitor {
            try listener.waitUntilReady(POLLIN, deadline: deadline)
            guard let visitor = try UnixSocket.accept(listener.rawValue) else { throw TestFailure("nobody came") }
            return Visitor(visitor)
        }
    }

    private final class Visitor {
        private var socket: FileDescriptor
        private let deadline = Deadline.after(milliseconds: 30_000)

        init(_ socket: consuming FileDescriptor) { self.socket = socket }
        func send(_ text: String) throws { try socket.sendAll(Array(text.utf8), deadline: deadline) }
        func endWriting() { shutdown(socket.rawValue, Int32(SHUT_WR)) }
        func close() { socket = FileDescriptor(owning: -1) }
        /// Up to the end.
        func text() throws -> String {
            String(decoding: try socket.readAll(limit: 1 << 20, deadline: deadline), as: UTF8.self)
        }
    }

    private func data(_ text: String) -> [UInt8] { FrameEncoding.frame(.forwardData, Array(text.utf8)) }

    private func converse(_ connection: TestConnection, _ server: Server) throws {
        #expect(try connection.next(.welcome).decode(Welcome.self).features.contains(.forwarding))
        _ = try connection.next(.accepted)
        let visitor = try server.accept()
        try visitor.send("hello")
        #expect(try connection.next(.forwardData).payload == Array("hello".utf8))
        try connection.send(data("and good") + data("bye") + FrameEncoding.frame(.forwardEnd))
        #expect(try visitor.text() == "and goodbye")
        try visitor.send("last")
        visitor.close()
        #expect(try connection.next(.forwardData).payload == Array("last".utf8))
        #expect(try connection.next()?.kind == .forwardEnd)
        #expect(try connection.next() == nil, "the guest's side closes first")
    }

    @Test func aPortIsReachedOnEitherLoopback() throws {
        let server = try Server(at: .loopback4)
        try converse(ask(ForwardRequest(server.target)), server)
        guard let other = try? Server(at: .loopback6) else { return }
        try converse(ask(ForwardRequest(other.target)), other)
    }

    @Test func aSocketIsReachedByItsPath() throws {
        let server = Server(try UnixSocket.listen(at: agent.folder + "/s"))
        try converse(ask(ForwardRequest(path("s"))), server)
        unlink(agent.folder + "/s")
    }

    @Test func whatComesBehindTheRequestIsNotLost() throws {
        let server = try Server(at: .loopback4)
        let connection = try ask(
            ForwardRequest(server.target), behind: data("at once") + FrameEncoding.frame(.forwardEnd))
        #expect(try server.accept().text() == "at once")
        _ = try connection.next(.forwardEnd)
    }

    @Test func whatIsNotThereIsToldInASentence() throws {
        let gone = try Server(at: .loopback4).target
        let refused = try refusal(ForwardRequest(gone))
        #expect(refused.code == .connectionRefused && refused.message.hasPrefix("Nothing listens on port "))
        let missing = try refusal(ForwardRequest(path("none")))
        #expect(missing.code == .noSuchSocket && missing.message.hasSuffix("/none in the guest."))
        #expect(try refusal(ForwardRequest(path("boot"))).code == .connectionRefused)
        _ = try UnixSocket.listen(at: agent.folder + "/closed")
        #expect(try refusal(ForwardRequest(path("closed"))).code == .connectionRefused)
        #expect(try refusal(ForwardRequest(path("none"), user: "nobody-of-that-name")).code == .noSuchUser)
        let long = ForwardRequest.Target.path([UInt8](repeating: 47, count: 4000) + [65])
        #expect(try refusal(ForwardRequest(long)).code == .noSuchSocket)
    }

    @Test(.enabled(if: geteuid() == 0)) func aSocketOfRootsIsNotForOthers() throws {
        let server = Server(try UnixSocket.listen(at: agent.folder + "/s"))
        let denied = try refusal(ForwardRequest(path("s"), user: "41234"))
        #expect(denied.code == .permissionDenied && denied.message.contains("User 41234"))
        // The folder on the way counts as well, and a link gives no right.
        chmod(agent.folder + "/s", 0o666)
        symlink(agent.folder + "/s", agent.folder + "/link")
        chmod(agent.folder, 0o700)
        #expect(try refusal(ForwardRequest(path("link"), user: "41234")).code == .permissionDenied)
        chmod(agent.folder, 0o755)
        try converse(ask(ForwardRequest(path("link"), user: "41234")), server)
        // Whoever did that is root again.
        chmod(agent.folder + "/s", 0o600)
        for _ in 0..<10 { try converse(ask(ForwardRequest(path("s"), user: "root")), server) }
    }

    @Test func aHostThatGoesEndsItForTheTarget() throws {
        let server = try Server(at: .loopback4)
        let connection = try ask(ForwardRequest(server.target))
        _ = try connection.next(.accepted)
        let visitor = try server.accept()
        connection.close()
        #expect(throws: SystemError("read", code: ECONNRESET)) { try visitor.text() }
    }

    @Test func aHostThatBreaksTheProtocolIsTold() throws {
        let server = try Server(at: .loopback4)
        let connection = try ask(ForwardRequest(server.target))
        _ = try connection.next(.accepted)
        try connection.send(.standardInput, [1])
        #expect(try connection.next(.failure).decode(Failure.self).code == .malformed)
        #expect(throws: SystemError("read", code: ECONNRESET)) { try server.accept().text() }
    }

    @Test func standingForwardsHoldUpNobody() throws {
        let server = try Server(at: .loopback4)
        var standing: [TestConnection] = []
        for _ in 0..<100 {
            let connection = try ask(ForwardRequest(server.target))
            _ = try connection.next(.accepted)
            standing.append(connection)
        }
        #expect(try agent.run("echo here").text == "here\n")
        #expect(agent.waitUntilIdle(), "a forward is no session")
        withExtendedLifetime(standing) {}
    }
}
