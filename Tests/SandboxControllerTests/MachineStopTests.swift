import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Stopping a machine")
struct MachineStopTests {
    /// Two programs in the places of QEMU and the device, and a loop that nobody else speaks to.
    private final class Room {
        let machine: ProcessHandle
        let children: MachineChildren
        let loop: MonitorLoop
        /// QEMU's end of its monitor.
        private let qemu: FileDescriptor

        init() throws {
            func idle() throws -> ProcessHandle {
                try ChildProcess.spawn(
                    SpawnRequest(path: "/bin/sleep", arguments: ["1000"], environment: [], descriptors: []))
            }
            machine = try idle()
            let control = try UnixSocket.pair()
            let qmp = try QMPChannel(control.first)
            qemu = control.second
            children = MachineChildren(machine: machine, device: try idle(), firstEnd: try FirstEnd(), qmp: qmp)
            let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
            let channel = StartChannel(nothing, events: EventLog(path: "/dev/null"))
            channel.finish(ControlMessage(.done))
            loop = try MonitorLoop(channel: channel, clock: nil)
            loop.watch(children)
        }
        func qemuSays(_ line: String) throws { try qemu.writeAll(Array((line + "\n").utf8)) }

        deinit {
            try? children.device?.send(SIGKILL)
            children.kill()
        }

        func end(_ agent: FakeAgent, _ options: StopOptions) -> [String] {
            var told: [String] = []
            children.end(agent.endpoint, loop: loop, options: options, progress: SilentProgress()) {
                told.append("under way, \(children.machineStatus == nil ? "running" : "ended")")
            } alsoWaiting: { _ in
                told.append("another")
            }
            return told
        }
    }

    private final class Count: @unchecked Sendable {
        private let lock = NSLock()
        private var number = 0
        func next() -> Int {
            lock.withLock {
                number += 1
                return number
            }
        }
        var value: Int { lock.withLock { number } }
    }

    /// The agent dies while it is asked; the next one says hello a moment later and is asked again.
    @Test func anAgentThatReturnsIsAskedAgain() throws {
        let room = try Room()
        let count = Count()
        let machine = room.machine
        let agent = try FakeAgent { conversation in
            guard count.next() > 1 else { return }
            conversation.welcome()
            conversation.send(FrameEncoding.frame(.accepted))
            try? machine.send(SIGTERM)
        }
        room.loop.mailbox.post(.agentHello(AgentGreeting(softwareVersion: "1", bootID: "b", features: [])))
        let started = Deadline.now()
        let told = room.end(agent, StopOptions(force: false, timeoutSeconds: 30))
        #expect(told == ["under way, running"])
        #expect(count.value == 2)
        #expect(room.children.machineStatus == .signaled(SIGTERM, coreDumped: false))
        #expect(Deadline.now() - started < 20_000_000_000, "it waited for its time to pass")
    }

    @Test func aMachineThatDoesNothingIsKilled() throws {
        let room = try Room()
        let agent = try FakeAgent { _ in }
        let told = room.end(agent, StopOptions(force: false, timeoutSeconds: 1))
        #expect(told == ["under way, running"])
        #expect(room.children.machineStatus == .signaled(SIGKILL, coreDumped: false))
    }

    @Test func whatFollowsTheGuestsLastWriteBeginsBeforeQemuEnds() throws {
        let room = try Room()
        let count = Count()
        room.loop.atShutdown = { _ = count.next() }
        try room.qemuSays("{\"event\": \"POWERDOWN\"}")
        _ = room.loop.next(deadline: .after(milliseconds: 50))
        #expect(count.value == 0)
        try room.qemuSays("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-shutdown\"}}")
        _ = room.loop.next(deadline: .after(milliseconds: 50))
        #expect(count.value == 1)
    }
}
