import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Synchronization
import Testing

@testable import SandboxController

@Suite("Forwards on the host") struct ForwardServerTests {
    /// What was said of connections.
    private final class Complaints: Sendable {
        private let texts = Synchronization.Mutex<[String]>([])
        private let event = try? EventDescriptor()

        func note(_ error: ControllerError) {
            texts.withLock { $0.append(error.message) }
            event?.signal()
        }

        func first() -> String? {
            var entry = pollfd(fd: event?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, 10_000)
            return texts.withLock { $0.first }
        }
        var count: Int { texts.withLock { $0.count } }
    }

    @Test func whatIsForwardedIsRecordedAndCounted() throws {
        let room = try ForwardRoom { $0.echo() }
        let served = try room.serve(["0:3000", "\(room.folder)/s:/run/x"])
        let began = try room.event(.forward, to: "/run/x")
        #expect(room.waitForForwards(2))
        for index in [0, 1, 0] {
            let visitor = try served.connect(index)
            try visitor.send("hello")
            visitor.endWriting()
            #expect(try visitor.text() == "hello")
        }
        #expect(served.cancel() == .cancelled)
        let ended = try room.event(.forwardEnded, to: "/run/x")
        #expect(room.waitForForwards(0))
        #expect(began.details["host"] == .text("\(room.folder)/s") && began.details["guest"] == .text("/run/x"))
        #expect(ended.details["id"] == began.details["id"] && ended.details["connections"] == .number(1))
        #expect(ended.details["toGuestBytes"] == .number(5) && ended.details["toHostBytes"] == .number(5))
        #expect(served.server.counts[0] == ForwardCounts(connections: 2, toGuestBytes: 10, toHostBytes: 10))
        #expect(served.server.forwards[0].host != .port(.loopback4, 0), "the port that it has")
    }

    @Test func aSocketIsPrivateAndGoesWithItsForward() throws {
        let room = try ForwardRoom { $0.echo() }
        let path = room.folder + "/s"
        let served = try room.serve(["\(path):80"])
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(served.cancel() == .cancelled && access(path, F_OK) != 0)
        // What somebody else has put there is theirs.
        let other = try room.serve(["\(path):80"])
        unlink(path)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
        #expect(other.cancel() == .cancelled && access(path, F_OK) == 0)
        let error = #expect(throws: ControllerError.self) { try room.serve(["\(path):80"]) }
        #expect(error?.code == .busy && access(path, F_OK) == 0)
        #expect(throws: ControllerError.self) { try room.serve(["/nonexistent/s:80"]) }
    }

    @Test func aPortThatIsTakenIsToldWithWhatToDoAndNothingIsLeft() throws {
        let room = try ForwardRoom { $0.echo() }
        let taken = try TcpSocket.listen(at: .loopback4, port: 0)
        let port = try TcpSocket.port(of: taken.rawValue)
        let path = room.folder + "/s"
        let error = #expect(throws: ControllerError.self) { try room.serve(["\(path):80", "\(port):3000"]) }
        #expect(error?.code == .busy && error?.message == "Port \(port) of 127.0.0.1 is taken on this machine.")
        #expect(error?.advice?.contains("`127.0.0.1:0:3000`") == true)
        #expect(access(path, F_OK) != 0 && room.forwards == 0)
        #expect(throws: ControllerError.self) { try room.serve(["203.0.113.1:0:80"]) }
    }

    @Test func oldAgentsAndMonitorsAreToldOf() throws {
        let agent = try ForwardRoom { _ = $0.welcome(.cgroups) }
        let error = #expect(throws: ControllerError.self) { try agent.serve(["0:80"]) }
        #expect(error?.code == .unsupported && error?.message.contains("can't forward") == true)
        _ = try agent.event(.forwardEnded)
        let monitor = try ForwardRoom(knowsForwards: false) { $0.echo() }
        let other = #expect(throws: ControllerError.self) { try monitor.serve(["0:80"]) }
        #expect(other?.code == .unsupported && other?.message.contains("older version") == true)
    }

    @Test func whatTheGuestRefusesIsToldAndTheClientIsReset() throws {
        let room = try ForwardRoom { conversation in
            guard conversation.welcome() else { return }
            conversation.send(Failure(.connectionRefused, "Nothing\u{1B}[2J listens.").frame())
        }
        let complaints = Complaints()
        let served = try room.serve(["0:80"]) { complaints.note($1) }
        let visitor = try served.connect()
        #expect(throws: SystemError("read", code: ECONNRESET)) { try visitor.text() }
        #expect(complaints.first() == "Nothing\\u{1B}[2J listens.")
        #expect(served.cancel() == .cancelled)
    }

    @Test(arguments: [
        FrameEncoding.frame(.forwardData, [65]) + [0xFF, 0xFF, 0xFF, 0xFF, 0x41, 0, 0, 0],
        FrameEncoding.frame(.started), Failure(.malformed, "x").frame(),
    ])
    func anAgentThatBreaksTheProtocolHarmsOneConnection(_ bytes: [UInt8]) throws {
        let room = try ForwardRoom { conversation in
            guard conversation.welcome() else { return }
            guard conversation.target == .port(80) else { return conversation.send(bytes) }
            conversation.send(FrameEncoding.frame(.accepted) + bytes)
            conversation.waitForEnd()
        }
        let complaints = Complaints()
        let served = try room.serve(["0:80"]) { complaints.note($1) }
        let visitor = try served.connect()
        #expect(throws: SystemError("read", code: ECONNRESET)) { try visitor.text() }
        #expect(complaints.first() != nil)
        #expect(served.cancel() == .cancelled)
    }

    @Test func aSlowClientHoldsUpNobodyAndHundredsAreServed() throws {
        let room = try ForwardRoom { $0.echo() }
        let complaints = Complaints()
        let served = try room.serve(["0:80"]) { complaints.note($1) }
        let slow = try served.connect()
        // More than all buffers on the way hold, which comes back and is not read.
        try Thread.start(name: "slow") { try? slow.send(String(repeating: "x", count: 32 << 20)) }
        var visitors: [ForwardVisitor] = []
        for number in 0..<200 {
            visitors.append(try served.connect())
            try visitors[number].send("\(number)")
        }
        for (number, visitor) in visitors.enumerated() {
            visitor.endWriting()
            #expect(try visitor.text() == "\(number)")
        }
        #expect(served.cancel() == .cancelled && complaints.count == 0)
        #expect(served.server.counts[0].connections == 201)
    }

    @Test func theEndOfTheSandboxEndsItWithItsLastWords() throws {
        let room = try ForwardRoom { $0.echo() }
        let served = try room.serve(["0:80"])
        _ = try room.event(.forward)
        let visitor = try served.connect()
        try visitor.send("hello")
        visitor.endWriting()
        #expect(try visitor.text() == "hello")
        room.watch.dismiss()
        #expect(served.wait() == .sandboxEnded)
        #expect(try room.event(.forwardEnded).details["toHostBytes"] == .number(5))
    }

    @Test func aClientThatIsKilledIsNoticedAtOnce() throws {
        let room = try ForwardRoom { $0.echo() }
        do {
            let (receipt, _) = try ForwardReceipt.take(
                [try Forward("1:2"), try Forward("3:/x")], user: "ada", sandbox: "box", in: room.directory)
            #expect(room.waitForForwards(2))
            withExtendedLifetime(receipt) {}
        }
        let lost = try room.event(.forwardLost, to: "/x")
        #expect(lost.details["connections"] == nil && room.waitForForwards(0))
        #expect(try room.event(.forward).details["user"] == .text("ada"))
    }

    // MARK: Idleness

    @Test func aForwardIsNoIdleness() throws {
        let keeper = HealthKeeper()
        let told = try EventDescriptor()
        keeper.take(HealthReport(clock: 0, sessions: HealthSessions(running: 0, started: 1)))
        keeper.noteForwards(1)
        #expect(HealthRecord(decoding: keeper.current.encoded())?.forwards == 1)
        try IdleWatch(keeper, milliseconds: 50) { told.signal() }.begin()
        var entry = pollfd(fd: told.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 200) == 0, "somebody forwards")
        let ended = Deadline.now()
        keeper.noteForwards(0)
        #expect(poll(&entry, 1, 10_000) == 1 && Deadline.now() - ended >= 50_000_000, "counted from its end")
    }
}
