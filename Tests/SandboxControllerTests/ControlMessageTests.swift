import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("The monitor's control socket")
struct ControlMessageTests {
    private func room() throws -> (StateDirectory, MonitorSnapshot, Mailbox, ControlServer) {
        let folder = NSTemporaryDirectory() + "keystone-control-\(UUID().uuidString)"
        let directory = StateDirectory(root: folder)
        try FileManager.default.createDirectory(atPath: directory.stateFolder("one"), withIntermediateDirectories: true)
        let snapshot = MonitorSnapshot(name: "one", secrets: FakeAgent.secrets)
        let mailbox = try Mailbox()
        return (
            directory, snapshot, mailbox,
            try ControlServer(path: directory.controlSocket("one"), snapshot: snapshot, mailbox: mailbox)
        )
    }

    @Test func everyFieldTravels() throws {
        let pair = try UnixSocket.pair()
        let sent = ControlMessage(.failed).with(.code, "timeout").with(.text, "it took\n\"too\" long — ü").with(
            .advice, "wait")
        try sent.write(to: pair.first, deadline: .after(milliseconds: 1_000))
        let received = try #require(try ControlMessage.read(from: pair.second, deadline: .after(milliseconds: 1_000)))
        #expect(received.error == ControllerError(.timeout, "it took\n\"too\" long — ü", advice: "wait"))
    }

    @Test func rubbishIsRefusedAndSilenceTimesOut() throws {
        let pair = try UnixSocket.pair()
        try pair.first.writeAll([255, 255, 255, 255, 1])
        #expect(throws: SystemError("read a control message", code: EBADMSG)) {
            try ControlMessage.read(from: pair.second, deadline: .after(milliseconds: 1_000))
        }
        let other = try UnixSocket.pair()
        #expect(throws: SystemError("wait", code: ETIMEDOUT)) {
            try ControlMessage.read(from: other.second, deadline: .after(milliseconds: 20))
        }
    }

    @Test func accessIsGivenOnlyWhileRunning() throws {
        let (directory, snapshot, _, server) = try room()
        defer { try? FileManager.default.removeItem(atPath: directory.root) }
        let deadline = Deadline.after(milliseconds: 5_000)
        #expect(throws: ControllerError.self) {
            try ControlClient(sandbox: "one", in: directory, deadline: deadline).ask(
                ControlMessage(.access), deadline: deadline)
        }
        snapshot.update { $0.state = .running }
        let endpoint = try GuestConnection.endpoint(sandbox: "one", in: directory, deadline: deadline)
        #expect(endpoint.secrets.host.matches(FakeAgent.secrets.host))
        server.close()
    }

    @Test func describeTellsTheStateAndStopReachesTheMainThread() throws {
        let (directory, snapshot, mailbox, server) = try room()
        defer { try? FileManager.default.removeItem(atPath: directory.root) }
        snapshot.update { $0.state = .error(code: .machineFailed, reason: "gone") }
        let deadline = Deadline.after(milliseconds: 5_000)
        let answer = try ControlClient(sandbox: "one", in: directory, deadline: deadline)
            .ask(ControlMessage(.describe), deadline: deadline)
        let file = try #require(StateFile.decoding(Array((answer.text(.stateFile) ?? "").utf8)))
        #expect(file.state == .error(code: .machineFailed, reason: "gone"))

        let socket = try UnixSocket.connect(to: directory.controlSocket("one"))
        try ControlMessage(.stop).with(.force, 1).with(.timeoutMilliseconds, 7_000).write(
            to: socket, deadline: deadline)
        var entry = pollfd(fd: mailbox.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 5_000) == 1)
        guard case .stop(let options, let reply)? = mailbox.take() else {
            Issue.record("no stop request arrived")
            return
        }
        #expect(options.force)
        #expect(options.timeoutSeconds == 7)
        reply.finish()
        #expect(try ControlMessage.read(from: socket, deadline: deadline)?.kind == .done)
        server.close()
    }

    @Test func aVisitorThatSaysNothingDoesNotHoldUpTheNext() throws {
        let (directory, snapshot, _, server) = try room()
        defer { try? FileManager.default.removeItem(atPath: directory.root) }
        snapshot.update { $0.state = .running }
        let silent = try UnixSocket.connect(to: directory.controlSocket("one"))
        _ = try GuestConnection.endpoint(sandbox: "one", in: directory, deadline: .after(milliseconds: 1_000))
        #expect(silent.rawValue >= 0)
        server.close()
    }
}
