import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Provisioning in the monitor")
struct ProvisionMonitorTests {
    /// A monitor that boots nothing.
    private final class Room {
        let directory: StateDirectory
        let monitor: Monitor
        let snapshot = MonitorSnapshot(name: "one", secrets: FakeAgent.secrets)
        var events: String { (try? String(contentsOfFile: directory.eventsFile("one"), encoding: .utf8)) ?? "" }

        init() throws {
            directory = StateDirectory(root: NSTemporaryDirectory() + "keystone-provision-\(UUID().uuidString)")
            try FileManager.default.createDirectory(
                atPath: directory.stateFolder("one"), withIntermediateDirectories: true)
            let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
            monitor = Monitor(name: "one", directory: directory, channel: nothing, timeoutSeconds: 1)
            monitor.snapshot = snapshot
            monitor.jobNumber = 1
        }
        deinit { try? FileManager.default.removeItem(atPath: directory.root) }

        func result(
            _ results: [ProvisionReport.Result], number: Int = 1, cause: ProvisionJob.Cause = .start
        ) -> ProvisionResult {
            ProvisionResult(
                job: ProvisionJob(number: number, steps: Set(results.map(\.step)), cause: cause),
                records: .success(results.map(ProvisionRecord.init)), warnings: ["A warning."],
                user: GuestUser(name: "sandbox", userID: 1, groupID: 2))
        }
    }

    @Test func aFailedStepIsToldAndKeptAndStopsNothing() throws {
        let room = try Room()
        #expect(try room.monitor.takeFirst(room.result([.init(.user, .done), .init(.git, .failed, "disk full.")])))
        #expect(room.snapshot.current.provisioned?.map(\.outcome) == ["done", "failed"])
        #expect(room.snapshot.current.guestUser?.userID == 1)
        #expect(room.events.contains("Provisioning step git failed: disk full.\""), "\(room.events)")
        #expect(room.events.contains("A warning.") && room.events.contains("\"event\":\"provision\""))
        let kept = try #require(StateFile.decoding(room.snapshot.current.encoded()))
        #expect(kept.provisioned == room.snapshot.current.provisioned)
    }

    @Test func aStartEndsWhereTheUserCantBeMade() throws {
        let room = try Room()
        let error = #expect(throws: ControllerError.self) {
            try room.monitor.takeFirst(room.result([.init(.user, .failed, "no /etc/passwd")]))
        }
        #expect(error?.message.contains("no /etc/passwd") == true)
    }

    @Test func anAgentThatWentAwayIsWaitedForAndItsOldAnswerIsNone() throws {
        let room = try Room()
        let job = ProvisionJob(number: 1, steps: [.clock], cause: .start)
        let gone = ProvisionResult(job: job, records: .failure(ControllerError(.agentGone, "Gone.")))
        #expect(try room.monitor.takeFirst(gone) == false)
        #expect(try room.monitor.takeFirst(room.result([.init(.clock, .done)], number: 0)) == false)
        let refused = ProvisionResult(job: job, records: .failure(ControllerError(.agentRefused, "No.")))
        #expect(throws: ControllerError.self) { try room.monitor.takeFirst(refused) }
    }

    @Test func whoAsksIsAnswered() throws {
        let room = try Room()
        let pair = try UnixSocket.pair()
        let reply = ControlReply(pair.first)
        room.monitor.take(room.result([.init(.clock, .done)], number: 9, cause: .request(reply)))
        let warning = try ControlMessage.read(from: pair.second, deadline: .after(milliseconds: 1_000))
        #expect(warning?.kind == .warning)
        let answer = try #require(
            try ControlMessage.read(from: pair.second, deadline: .after(milliseconds: 1_000)))
        let records = try JSONDecoder().decode(
            [ProvisionRecord].self, from: Data(answer.bytes(.provisioned) ?? []))
        #expect(answer.kind == .done && records.map(\.step) == ["clock"])
    }

    @Test func theGateHoldsVisitorsUntilItsOwnJobIsDone() throws {
        let room = try Room()
        let gate = try ProvisionGate()
        (room.monitor.gate, room.monitor.gateJob) = (gate, 5)
        room.snapshot.watch(gate)
        #expect(room.snapshot.waitUntilProvisioned(deadline: .after(milliseconds: 0)))
        gate.close()
        #expect(!room.snapshot.waitUntilProvisioned(deadline: .after(milliseconds: 10)))
        room.monitor.take(room.result([.init(.clock, .done)], number: 4, cause: .clockChanged))
        #expect(!room.snapshot.waitUntilProvisioned(deadline: .after(milliseconds: 10)))
        room.monitor.take(room.result([.init(.user, .done)], number: 5, cause: .agentReturned))
        #expect(room.snapshot.waitUntilProvisioned(deadline: .after(milliseconds: 0)))
        #expect(room.snapshot.waitUntilProvisioned(deadline: .after(milliseconds: 0)))
    }

    @Test func requestsReachTheMainThreadOnlyWhileRunning() throws {
        let room = try Room()
        let mailbox = try Mailbox()
        let server = try ControlServer(
            path: room.directory.controlSocket("one"), snapshot: room.snapshot, mailbox: mailbox)
        defer { server.close() }
        let deadline = Deadline.after(milliseconds: 5_000)
        func send(_ steps: String) throws -> ControlMessage.Kind? {
            let socket = try UnixSocket.connect(to: room.directory.controlSocket("one"))
            try ControlMessage(.provision).with(.steps, steps).write(to: socket, deadline: deadline)
            var entry = pollfd(fd: mailbox.rawValue, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, 300) == 1, case .provision(let wanted, let reply)? = mailbox.take() {
                #expect(wanted == [.clock, .git])
                reply.finish()
            }
            return try ControlMessage.read(from: socket, deadline: deadline)?.kind
        }
        #expect(try send("clock,git") == .failed)
        room.snapshot.update { $0.state = .running }
        #expect(try send("clock,git") == .done)
        #expect(try send("clock,nonsense") == .failed)
        #expect(try send("") == .failed)
    }

    @Test func theClockOfThisHostIsWatchedWithoutBeingReadable() throws {
        let clock = try ClockChangeDescriptor()
        var entry = pollfd(fd: clock.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 0) == 0)
        #expect(!clock.take())
    }

    /// A clock that changes when the test says so: this host's own is not ours to set.
    private final class PretendedClock: ClockWatch {
        private let event: EventDescriptor
        var rawValue: Int32 { event.rawValue }
        init() throws { event = try EventDescriptor() }
        func change() { event.signal() }
        func take() -> Bool { event.drain() > 0 }
    }

    @Test func eachChangeOfTheClockIsToldOnce() throws {
        let room = try Room()
        let clock = try PretendedClock()
        let channel = StartChannel(try FileDescriptor.open("/dev/null", O_RDWR), events: room.monitor.events)
        channel.finish(ControlMessage(.done))
        let loop = try MonitorLoop(channel: channel, clock: clock)
        func next() -> String { String(describing: loop.next(deadline: .after(milliseconds: 50))) }
        #expect(next() == "deadline")
        for _ in 0..<3 {
            clock.change()
            #expect(next() == "clockChanged")
            #expect(next() == "deadline")
        }
    }

    @Test func stepsAreFoundByName() throws {
        #expect(try SandboxController.steps(named: []).count == ProvisionStep.allCases.count)
        #expect(try SandboxController.steps(named: ["git", "clock", "git"]) == [.clock, .git])
        let error = #expect(throws: ControllerError.self) { try SandboxController.steps(named: ["clok"]) }
        #expect(error?.advice == "Did you mean clock?")
    }
}
