import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// Ownership requests over a connection, as the host makes them.
@Suite(.enabled(if: OwnedTree.canRun)) struct OwnershipServeTests {
    let tree: OwnedTree
    let agent: TestAgent

    init() throws {
        tree = try OwnedTree()
        agent = try TestAgent(provisionRoot: tree.folder)
    }

    private func ask(_ request: OwnershipRequest) throws -> TestConnection {
        let connection = try agent.connect()
        try connection.send(agent.hello() + request.frame())
        return connection
    }

    /// The last report, or the failure.
    private func answer(_ connection: TestConnection) throws -> Result<GuestOwnershipReport, TestRefusal> {
        while let frame = try connection.next() {
            if frame.kind == .failure { return .failure(TestRefusal(failure: try frame.decode(Failure.self))) }
            guard frame.kind == .ownershipReport else { continue }
            let report = try frame.decode(GuestOwnershipReport.self)
            if !report.isPartial { return .success(report) }
        }
        throw TestFailure("the connection ended without a last report")
    }

    private struct TestRefusal: Error { let failure: Failure }

    private func fill(_ count: Int) throws {
        for number in 0..<count { try tree.file(tree.inside("f\(number)")) }
    }

    @Test func oneConnectionIsOneWalk() throws {
        try fill(10)
        let connection = try ask(tree.request())
        let welcome = try connection.next(.welcome).decode(Welcome.self)
        #expect(welcome.features.contains(.ownership))
        #expect(try answer(connection).get().changed == 11)
        #expect(try connection.next() == nil)
        #expect(try answer(ask(tree.request())).get().calls == 0)
    }

    @Test func whatIsNoPathIsRefusedInASentence() throws {
        for root in ["/none", "/workspace/..", "relative", "/"] {
            guard case .failure(let refusal) = try answer(ask(tree.request(root))) else {
                Issue.record("\(root) was walked")
                continue
            }
            #expect(!refusal.failure.message.isEmpty)
        }
        var request = tree.request()
        request.root = Array("/work\nspace\u{1B}[2J".utf8)
        guard case .failure = try answer(ask(request)) else { throw TestFailure("walked") }
    }

    @Test func aHostThatGoesEndsTheWalkAndTheNextIsServed() throws {
        try fill(20_000)
        for _ in 0..<20 {
            let connection = try ask(tree.request(dryRun: true))
            connection.close()
        }
        // Refused only while an earlier one ends.
        let deadline = Deadline.after(milliseconds: 10_000)
        while true {
            switch try answer(ask(tree.request())) {
            case .success(let report):
                #expect(report.changed == 20_001)
                return
            case .failure(let refusal):
                #expect(refusal.failure.code == .resourcesExhausted)
                try #require(!deadline.hasPassed)
            }
        }
    }

    @Test func commandsAreServedMeanwhile() throws {
        try fill(20_000)
        let walking = try ask(tree.request())
        _ = try walking.next(.welcome)
        #expect(try agent.run("echo here").text == "here\n")
        #expect(try answer(walking).get().changed == 20_001)
    }

    @Test func nobodyAsksWithoutTheSecretOrWhereTheAgentMayRunAnywhere() throws {
        try tree.file(tree.inside("file"))
        let wrong = try #require(Secret([UInt8](repeating: 0, count: 32)))
        let connection = try agent.connect()
        try connection.send(agent.hello(secret: wrong) + tree.request().frame())
        #expect(try connection.result().failure?.code == .unauthorized)
        let stray = try TestAgent()
        let other = try stray.connect()
        try other.send(stray.hello() + tree.request().frame())
        #expect(try !other.next(.welcome).decode(Welcome.self).features.contains(.ownership))
        #expect(try other.result().failure?.code == .unsupported)
        #expect(!OwnedTree.isRight(tree.inside("file")))
    }
}
