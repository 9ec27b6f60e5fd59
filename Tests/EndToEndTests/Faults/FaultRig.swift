import AgentProtocol
import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// A sandbox on a small disk of its own, in an armed machine, that things are done to.
///
/// Concurrency: one test at a time uses it; a `RandomKiller` beside it only looks up processes and speaks to the machine.
final class FaultRig: @unchecked Sendable {
    let disk: SmallDisk
    let machine: ArmedMachine
    let sandbox: TestSandbox
    var directory: StateDirectory { sandbox.directory }
    private let image: String
    private var gates: [SocketGate] = []
    private var acknowledged = 0

    /// - Parameter name: of the sandbox, and of what is made for it.
    init(_ name: String) throws {
        disk = try SmallDisk(name + "-disk", mebibytes: 640)
        image = try Images.folder()
        machine = try ArmedMachine(name, image: Image(folder: image, manifest: ImageFolder(path: image).readManifest()))
        let project = try Project(name)
        var keystone = try Keystone(in: project.folder, stateDirectory: disk.folder + "/state")
        keystone.environment["KEYSTONE_QEMU"] = machine.program
        sandbox = TestSandbox(name: name, project: project, keystone: keystone)
        try seed()
    }

    /// What every state directory has once an image was built: the image, and the kernel for the next.
    func seed() throws {
        try Images.build(in: directory, for: sandbox.keystone)
        let kernels = directory.cacheFolder + "/kernels"
        if access(kernels, F_OK) == 0 { return }
        try PrivateFiles.makeFolder(directory.cacheFolder)
        try HostProgram.run(["cp", "-r", try Room.shared().stateDirectory + "/cache/kernels", kernels])
    }

    // MARK: Before

    func prepare(for phase: Phase) throws {
        disk.free()
        let state = access(directory.sandboxFolder(sandbox.name), F_OK) == 0 ? try sandbox.state() : "gone"
        switch phase {
        case .build: return
        case .boot, .hello, .provision:
            if ["starting", "running", "stopping"].contains(state) {
                try sandbox.keystone.mustSucceed(["stop", "--force", sandbox.name])
            }
        case .idle, .exec, .stop, .destroy:
            if state != "running" { try sandbox.startAgain() }
            acknowledged += 1
            let finished = try sandbox.shell("echo \(acknowledged) >/workspace/acknowledged")
            guard finished.code == 0 else { throw Complaint("Writing before the fault: \(finished)") }
        }
    }

    /// What an `exec` that ended with 0 has written, as the host has it.
    func isAcknowledgedKept() -> Bool {
        acknowledged == 0
            || (try? sandbox.project.read("acknowledged")).map { $0 == Array("\(acknowledged)\n".utf8) } ?? false
    }

    /// Begins what the phase is about. - Returns: once it is there, and held there.
    func enter(_ cell: FaultCell) throws -> Running? {
        let name = sandbox.name
        switch cell.phase {
        case .build: return try enterBuild()
        case .boot, .hello, .provision: return try enterStart(cell)
        case .idle: return nil
        case .exec:
            sandbox.project.remove("streamed")
            let script = "i=0; while :; do i=$((i+1)); echo $i >>/workspace/streamed; echo $i; done"
            let streaming = try sandbox.begin(["sh", "-c", script])
            try streaming.wait(forOutput: "\n3\n")
            return streaming
        case .stop:
            let gate = try holdVsock(.connection)
            let stopping = try sandbox.keystone.begin(["stop", "--timeout", "6s", name])
            try gate.wait("request to power off")
            return stopping
        case .destroy:
            // A guest that stands still can't end before the fault is there; one that is to do something itself must run.
            if cell.fault.guestScript == nil { kill(try processes().machine, SIGSTOP) }
            let destroying = try sandbox.keystone.begin(["destroy", "--force", name])
            if cell.fault.guestScript == nil {
                let file = directory.stateFile(name)
                guard
                    try FileWatch.wait(
                        in: sandbox.stateFolder, within: 30, until: { StateFile.read(file)?.state == .stopping })
                else { throw Complaint("The destroy did not begin to stop the sandbox.") }
            }
            return destroying
        }
    }

    private func enterBuild() throws -> Running {
        // Something that no image has yet, or there is no work to do.
        let program = sandbox.project.path("included-\(UInt32.random(in: 0 ... .max))")
        try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: program))
        chmod(program, 0o755)
        let building = try sandbox.keystone.begin(["image", "build", "--name", "other", "--include", program])
        let images = directory.imagesFolder
        let begun = try FileWatch.wait(in: images, within: 120) { !FaultRig.work(in: images).isEmpty }
        guard begun else { throw Complaint("The image's folder was not begun: \(building.errorText)") }
        return building
    }

    static func work(in images: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: images)) ?? []).filter {
            $0.hasPrefix(ImageStore.workPrefix)
        }
    }

    private func enterStart(_ cell: FaultCell) throws -> Running {
        machine.holdNextBoot()
        // A hung guest is given up in the time that a start has.
        let options = cell.fault == .hang ? ["--timeout", "15s"] : []
        let starting = try sandbox.keystone.begin(TestSandbox.startWords(sandbox.name, options))
        try machine.waitUntilHeld()
        guard cell.phase != .boot else { return starting }
        let vsock = directory.vsockSocket(sandbox.name)
        let gate: SocketGate
        if cell.phase == .hello {
            gate = try SocketGate(at: "\(vsock)_\(Ports.report)", aside: disk.folder + "/report", .connection)
            gates.append(gate)
        } else {
            // An answer may be whole when it is held, so a guest that is to give none is not asked yet.
            gate = try holdVsock(cell.fault == .hang ? .connection : .answer)
        }
        machine.goOn()
        try gate.wait(cell.phase.rawValue)
        return starting
    }

    private func holdVsock(_ mode: SocketGate.Mode) throws -> SocketGate {
        let gate = try SocketGate(
            at: directory.vsockSocket(sandbox.name), aside: disk.folder + "/operations", mode)
        gates.append(gate)
        return gate
    }

    // MARK: The fault

    func inject(_ cell: FaultCell, _ command: Running?) throws {
        if let script = cell.fault.guestScript {
            // A guest that is being destroyed may end before it has done it.
            return try machine.run(script, awaits: cell.fault != .panic && cell.phase != .destroy)
        }
        switch cell.fault {
        case .cli: try command?.send(SIGKILL)
        case .monitor: kill(try processes().monitor, SIGKILL)
        case .device: kill(try processes().device, SIGKILL)
        case .machine: kill(try processes().machine, SIGKILL)
        case .hang: kill(try processes().machine, SIGSTOP)
        case .hostDisk: try disk.fill()
        case .stateRemoved: try removeState()
        case .suspend: suspend(command)
        case .agent, .panic, .guestDisk, .clock: break
        }
    }

    /// All that there is of it stands still for a while, which is what the fault is.
    private func suspend(_ command: Running?) {
        let all = (try? processes().all) ?? []
        let everybody = all + (command.map { [$0.processID] } ?? [])
        for process in everybody { kill(process, SIGSTOP) }
        poll(nil, 0, 3_000)
        for process in everybody.reversed() { kill(process, SIGCONT) }
    }

    /// As somebody would: `rm -rf`, again where something was made meanwhile.
    private func removeState() throws {
        for _ in 0..<100 where access(directory.root, F_OK) == 0 { PrivateFiles.remove(directory.root) }
        guard access(directory.root, F_OK) != 0 else { throw Complaint("The state directory can't be removed.") }
    }

    /// As the state file says, so that nobody has to answer.
    func processes() throws -> TestSandbox.Processes {
        guard let file = StateFile.read(directory.stateFile(sandbox.name)), let monitor = file.monitorProcess,
            let machine = file.machineProcess, let device = file.deviceProcess
        else { throw Complaint("The state file names no processes.") }
        return .init(monitor: monitor, machine: machine, device: device)
    }

    /// Lets everything that was held go on.
    func release(_ cell: FaultCell) {
        if cell.phase == .boot { machine.goOn() }
        for gate in gates { gate.open() }
    }

    /// However the cell went, the next one finds nothing held.
    func letGo() {
        machine.letGo()
        for gate in gates { gate.close() }
        gates = []
    }
}
