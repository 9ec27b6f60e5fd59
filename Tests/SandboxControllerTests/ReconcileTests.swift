import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

/// A state directory with a sandbox `one` whose monitor died in the middle of its work.
private final class DeadSandbox {
    let directory = StateDirectory(root: "/tmp/keystone-dead-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    var controller: SandboxController { SandboxController(directory: directory) }
    var leftovers: [String] {
        let vsock = directory.vsockSocket("one")
        return [
            directory.controlSocket("one"), vsock, "\(vsock)_\(Ports.report)",
            directory.stateFile("one") + PrivateFiles.temporaryMark + "12-34",
        ]
    }
    var thoseLeft: [String] { leftovers.filter { access($0, F_OK) == 0 } }

    init(_ state: SandboxState) throws {
        try Registry(directory: directory).update { $0 = [registryRecord("one")] }
        try PrivateFiles.makeFolder(directory.stateFolder("one"))
        var file = StateFile(state: state)
        (file.monitorProcess, file.machineProcess, file.deviceProcess) = (1, 2, 3)
        try file.write(directory.stateFile("one"))
        for path in leftovers.dropLast() { _ = try UnixSocket.listen(at: path) }
        try Data("{".utf8).write(to: URL(fileURLWithPath: leftovers[3]))
        _ = try FileLock(path: directory.monitorLock("one"), deadline: .never)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory.root) }
}

@Suite("Reconciling with the truth")
struct ReconcileTests {
    @Test(arguments: [SandboxState.starting, .running, .stopping])
    func aDeadMonitorIsToldAndWhatItLeftIsRemoved(state: SandboxState) throws {
        let sandbox = try DeadSandbox(state)
        let status = try sandbox.controller.status("one")
        guard case .error(.monitorGone, _) = status.state else { return #expect(Bool(false), "\(status.state)") }
        #expect(status.file?.advice?.contains("keystone agent start --name one") == true)
        #expect(status.file?.machineProcess == nil)
        #expect(sandbox.thoseLeft.isEmpty, "\(sandbox.thoseLeft)")
        #expect(StateFile.read(sandbox.directory.stateFile("one"))?.state == status.state)
        #expect(try sandbox.controller.list().map(\.state) == [status.state])
    }

    /// Killed between its last word and the removal of its sockets.
    @Test func aMonitorThatHadStoppedStaysStopped() throws {
        let sandbox = try DeadSandbox(.stopped)
        #expect(try sandbox.controller.list().map(\.state) == [.stopped])
        #expect(sandbox.thoseLeft.isEmpty, "\(sandbox.thoseLeft)")
    }

    /// Monitors that answer only when all have been asked.
    @Test func allMonitorsAreAskedBeforeOneIsWaitedFor() throws {
        let directory = StateDirectory(root: "/tmp/keystone-asked-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(atPath: directory.root) }
        let names = ["one", "two"]
        try Registry(directory: directory).update { $0 = names.map { registryRecord($0) } }
        for name in names { try PrivateFiles.makeFolder(directory.stateFolder(name)) }
        let first = try UnixSocket.listen(at: directory.controlSocket("one"))
        let second = try UnixSocket.listen(at: directory.controlSocket("two"))
        let deadline = Deadline.after(milliseconds: 10_000)
        let answered = DispatchSemaphore(value: 0)
        try LinuxSystem.Thread.start(name: "monitors") {
            defer { answered.signal() }
            let one = try? UnixSocket.accept(first.rawValue)
            let two = try? UnixSocket.accept(second.rawValue)
            let answer = ControlMessage(.done).with(.stateFile, StateFile(state: .running).encoded())
            if let one, let two, (try? ControlMessage.read(from: one, deadline: deadline))?.kind == .describe,
                (try? ControlMessage.read(from: two, deadline: deadline))?.kind == .describe
            {
                try? answer.write(to: one, deadline: deadline)
                try? answer.write(to: two, deadline: deadline)
            }
        }
        #expect(try SandboxController(directory: directory).list().map(\.state) == [.running, .running])
        #expect(answered.wait(timeout: .now() + 10) == .success)
    }

    @Test func whatALivingMonitorHoldsIsLeftAlone() throws {
        let sandbox = try DeadSandbox(.running)
        let lock = try FileLock(path: sandbox.directory.monitorLock("one"), deadline: .never)
        #expect(try sandbox.controller.status("one").state == .running)
        #expect(sandbox.thoseLeft == sandbox.leftovers)
        withExtendedLifetime(lock) {}
    }

    @Test func aDestroyedSandboxLeavesNothing() throws {
        let sandbox = try DeadSandbox(.running)
        try sandbox.controller.destroy("one", force: true, keepDisk: false, progress: SilentProgress())
        #expect(try sandbox.controller.list().isEmpty)
        #expect(access(sandbox.directory.sandboxFolder("one"), F_OK) != 0)
    }

    /// Whatever ended the `destroy` before, the sandbox is still listed.
    @Test func aDestroyThatWasEndedHalfwayIsDoneAgain() throws {
        let sandbox = try DeadSandbox(.stopped)
        try FileManager.default.removeItem(atPath: sandbox.directory.stateFolder("one"))
        #expect(try sandbox.controller.list().map(\.state) == [.created])
        try sandbox.controller.destroy("one", force: false, keepDisk: false, progress: SilentProgress())
        #expect(try sandbox.controller.list().isEmpty)
    }

    @Test func onlyTheMonitorOfThisSandboxIsHunted() throws {
        let sandbox = try DeadSandbox(.running)
        // A shell's script with the name of the verb's first word makes the same command line.
        let script = sandbox.directory.root + "/agent"
        try Data("echo up; read forever\n".utf8).write(to: URL(fileURLWithPath: script))
        var inputs: [Int32] = []
        defer { for raw in inputs { close(raw) } }
        func pretend(_ name: String) throws -> ProcessHandle {
            let input = try UnixSocket.pair()
            let output = try UnixSocket.pair()
            var request = SpawnRequest(
                path: "/bin/sh", arguments: ["agent", MonitorProcess.verb, sandbox.directory.root, name],
                environment: [], descriptors: [input.second.rawValue, output.second.rawValue])
            request.directory = sandbox.directory.root
            let process = try ChildProcess.spawn(request)
            try output.first.waitUntilReady(Int32(POLLIN), deadline: .after(milliseconds: 10_000))
            inputs.append(dup(input.first.rawValue))
            return process
        }
        let ours = try pretend("one")
        let other = try pretend("one-more")
        #expect(MonitorHunt("one", in: sandbox.directory).kill() == 1)
        #expect(try ours.reap().status == .signaled(SIGKILL, coreDumped: false))
        #expect(!other.hasEnded)
        try other.send(SIGKILL)
        _ = try other.reap()
    }
}

@Suite("The state file")
struct StateFileTests {
    private let path = "/tmp/keystone-state-file-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    @Test func itIsOverwrittenInPlaceWhereThereIsNoRoom() throws {
        defer { unlink(path) }
        #expect(!StateFile.overwrite(path, [1]), "there is nothing to overwrite")
        let long = StateFile(state: .error(code: .timeout, reason: String(repeating: "long ", count: 40)))
        let short = StateFile(state: .stopped)
        try long.write(path)
        let inode = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64
        for file in [short, long] {
            #expect(StateFile.overwrite(path, file.encoded()))
            #expect(StateFile.read(path)?.state == file.state)
        }
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64 == inode)
        unlink(path)
        symlink("/etc/hostname", path)
        #expect(!StateFile.overwrite(path, [1]), "a link is followed")
    }

    @Test func aReasonOfALaterVersionIsStillRead() throws {
        let text = String(decoding: StateFile(state: .error(code: .timeout, reason: "Why.")).encoded(), as: UTF8.self)
        let later = text.replacingOccurrences(of: "\"timeout\"", with: "\"brandNew\"")
        #expect(StateFile.decoding(Array(later.utf8))?.state == .error(code: .internal, reason: "Why."))
    }

    @Test func uptimeIsOfAClockThatNobodySets() throws {
        var file = StateFile(state: .running)
        (file.readyAt, file.readyClock) = (Date().addingTimeInterval(86_400), HostClock.seconds() - 5)
        let status = SandboxStatus(record: registryRecord("one"), state: .running, file: file)
        #expect(status.uptimeSeconds.map { 5...60 ~= $0 } == true, "\(status.uptimeSeconds ?? -1)")
    }
}
