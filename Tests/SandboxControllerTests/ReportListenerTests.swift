import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import SandboxController

@Suite("What dials the report port")
struct ReportListenerTests {
    private final class Room {
        let folder = NSTemporaryDirectory() + "keystone-report-\(UUID().uuidString)"
        let mailbox: Mailbox
        let listener: ReportListener
        var address: VsockAddress { .unix(path: folder + "/host") }

        init() throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            mailbox = try Mailbox()
            listener = try ReportListener(
                address: .unix(path: folder + "/host"), secrets: FakeAgent.secrets, mailbox: mailbox)
        }
        deinit {
            listener.close()
            try? FileManager.default.removeItem(atPath: folder)
        }

        func dial() throws -> FileDescriptor {
            try VsockTransport.dial(address, port: Ports.report, deadline: .after(milliseconds: 5_000))
        }

        /// The next event; a wake-up whose event has been taken already is no event.
        func nextEvent(milliseconds: Int = 5_000) -> MonitorEvent? {
            let deadline = Deadline.after(milliseconds: milliseconds)
            while true {
                if let event = mailbox.take() { return event }
                var entry = pollfd(fd: mailbox.rawValue, events: Int16(POLLIN), revents: 0)
                if poll(&entry, 1, deadline.pollTimeout) == 0 { return nil }
            }
        }
    }

    private func hello(secret: Secret = FakeAgent.secrets.guest, versions: VersionRange = .current) -> [UInt8] {
        Hello(versions: versions, role: .report, secret: secret, softwareVersion: "9\u{1B}[1m", bootID: "b").frame()
    }

    private func answer(_ connection: borrowing FileDescriptor) throws -> FrameKind {
        try FrameReader().next(from: connection, deadline: .after(milliseconds: 5_000)).kind
    }

    @Test func theAgentIsWelcomedAndItsLossIsTold() throws {
        let room = try Room()
        do {
            let agent = try room.dial()
            try agent.writeAll(hello())
            #expect(try answer(agent) == .welcome)
            guard case .agentHello(let greeting)? = room.nextEvent() else {
                Issue.record("the hello was not told")
                return
            }
            #expect(greeting.softwareVersion == "9\\u{1B}[1m")
        }
        guard case .agentLost? = room.nextEvent() else {
            Issue.record("the loss was not told")
            return
        }
    }

    @Test func anAgentThatReturnsBeforeItsPredecessorsEndIsSeenIsNotLost() throws {
        let room = try Room()
        let second = try room.dial()
        do {
            let first = try room.dial()
            try first.writeAll(hello())
            #expect(try answer(first) == .welcome)
            try second.writeAll(hello())
            #expect(try answer(second) == .welcome)
        }
        for _ in 0..<2 {
            guard case .agentHello? = room.nextEvent() else {
                Issue.record("a hello was not told")
                return
            }
        }
        #expect(room.nextEvent(milliseconds: 50) == nil)
        shutdown(second.rawValue, Int32(SHUT_RDWR))
        guard case .agentLost? = room.nextEvent() else {
            Issue.record("the last one's loss was not told")
            return
        }
    }

    @Test func aWrongSecretIsRefusedAndNotTold() throws {
        let room = try Room()
        let liar = try room.dial()
        try liar.writeAll(hello(secret: FakeAgent.secrets.host))
        #expect(try answer(liar) == .failure)
        #expect(room.nextEvent(milliseconds: 50) == nil)
    }

    @Test func anAgentOfOtherVersionsIsToldWhy() throws {
        let room = try Room()
        let agent = try room.dial()
        try agent.writeAll(hello(versions: VersionRange(lowest: 7, highest: 9)))
        let reader = FrameReader()
        let frame = try reader.next(from: agent, deadline: .after(milliseconds: 5_000))
        let failure = try Failure(decoding: frame.payload)
        #expect(failure.code == .versionMismatch)
        #expect(failure.message == "this host speaks protocol versions 1 to 1, the agent 7 to 9")
    }

    @Test func crowdsAreTurnedAwayAndTheAgentStillGetsIn() throws {
        let room = try Room()
        do {
            let first = try room.dial()
            let second = try room.dial()
            // Both hold a place and say nothing; the agent comes next.
            let agent = try room.dial()
            try agent.writeAll(hello())
            #expect(try answer(agent) == .welcome)
            #expect(first.rawValue != second.rawValue)
        }
    }

    @Test func whatIsNoReportEndsTheConnection() throws {
        let room = try Room()
        for frame in [
            [0xFF, 0xFF, 0xFF, 0xFF, FrameKind.healthReport.rawValue, 0, 0, 0], FrameEncoding.frame(.healthReport, [1]),
        ] as [[UInt8]] {
            let agent = try room.dial()
            try agent.writeAll(hello())
            #expect(try answer(agent) == .welcome)
            try agent.writeAll(frame)
            let rest = try agent.readAll(limit: 4096, deadline: .after(milliseconds: 5_000))
            #expect(rest.isEmpty)
        }
    }

    @Test func aFloodOfFramesAfterTheHelloEndsTheConnection() throws {
        let room = try Room()
        let agent = try room.dial()
        try agent.writeAll(hello() + FrameEncoding.frame(.standardOutput, [UInt8](repeating: 65, count: 1000)))
        var told = false
        for _ in 0..<2 { if case .agentLost? = room.nextEvent() { told = true } }
        #expect(told)
    }
}
