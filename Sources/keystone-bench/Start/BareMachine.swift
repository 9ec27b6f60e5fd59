import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import SandboxController
import VsockTransport

/// A machine with the sandbox's command line, kernel and initramfs, and a program as PID 1 that loads the modules, dials
/// the host and sends a byte: the least that a boot to "the guest has dialled" can take.
final class BareMachine {
    private static let cid = "3"

    private let fixture: BenchFixture
    private let folder: String
    private let listener: VsockListener

    init(_ fixture: BenchFixture) throws {
        self.fixture = fixture
        folder = fixture.directory.root + "/bare"
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        listener = try VsockListener(.hybrid(path: folder + "/vsock.sock"), port: Ports.report)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// - Returns: seconds from the first process that is started to the byte.
    func secondsToDial() throws -> Double {
        let watch = Stopwatch()
        let vsock = try UnixSocket.pair()
        let control = try UnixSocket.pair()
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let console = try FileDescriptor.open(folder + "/console.log", O_WRONLY | O_CREAT | O_APPEND)
        let device = try spawn(
            "\(fixture.programs)/keystone-vhost-vsock",
            ["--fd", "3", "--uds-path", "vsock.sock", "--guest-cid", BareMachine.cid],
            [nothing.rawValue, console.rawValue, console.rawValue, vsock.second.rawValue])
        defer { end(device) }
        let qemu = try QemuProgram.locate(cache: fixture.directory.cacheFolder + "/qemu.json")
        let machine = try spawn(
            qemu.path, try arguments(qemu),
            [
                nothing.rawValue, console.rawValue, console.rawValue, vsock.first.rawValue, control.second.rawValue,
                console.rawValue,
            ])
        defer { end(machine) }
        let visitor = try listener.accept(deadline: .after(milliseconds: 120_000)).take()
        var byte: UInt8 = 0
        guard read(visitor.rawValue, &byte, 1) == 1 else {
            throw BenchError("the bare program dialled and sent nothing")
        }
        return watch.seconds
    }

    /// The sandbox's own, but for what is PID 1.
    private func arguments(_ qemu: QemuProgram) throws -> [String] {
        guard let built = fixture.image else { throw BenchError("there is no image") }
        var manifest = built.manifest
        let program = manifest.commandLine.firstIndex { $0.hasPrefix("rdinit=") }
        if let program { manifest.commandLine.remove(at: program) }
        manifest.commandLine += ["rdinit=\(BenchFixture.includedProbe)", "--", "dial-out"]
        let settings = fixture.settings
        return try MachineCommandLine.arguments(
            MachineConfiguration(
                name: BenchFixture.sandbox, image: Image(folder: built.folder, manifest: manifest),
                memoryMebibytes: settings.memoryMebibytes, processors: settings.processors, nested: settings.nested,
                accelerator: AcceleratorChoice.choose(override: settings.accelerator).kind,
                shares: [.init(path: folder, security: .mapped)], network: .user,
                descriptors: .init(vsock: 3, control: 4, console: 5, credential: nil), firmware: qemu.firmware,
                keepsStaleCode: qemu.keepsStaleCode))
    }

    private func spawn(_ program: String, _ arguments: [String], _ descriptors: [Int32]) throws -> ProcessHandle {
        var request = SpawnRequest(
            path: program, arguments: arguments, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"],
            descriptors: descriptors)
        request.directory = folder
        request.deathSignal = SIGKILL
        return try ChildProcess.spawn(request)
    }

    private func end(_ process: ProcessHandle) {
        try? process.send(SIGKILL)
        _ = try? process.reap()
    }
}
