import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// A state directory, an image with the probe in it, and one sandbox; all of it goes with `remove`.
///
/// Concurrency: the main thread, and one that waits for SIGINT and SIGTERM and then removes everything, too.
final class BenchFixture: @unchecked Sendable {
    static let sandbox = "bench"
    static let probe = "keystone-guest-probe"
    /// A small dynamically linked program of the host, as most commands are.
    static let hostProgram = "/usr/bin/true"
    let hasHostProgram = access(BenchFixture.hostProgram, X_OK) == 0

    let directory: StateDirectory
    let controller: SandboxController
    let settings: SandboxSettings
    /// Folder of this build's programs.
    let programs: String
    private(set) var image: Image?
    private(set) var status: SandboxStatus?
    let project: String
    private let ownsDirectory: Bool
    private let removing = NSLock()
    /// Other sandboxes that a topic made, with their folders. Under `removing`.
    private var others: [(name: String, folders: [String])] = []

    init(_ options: BenchOptions) throws {
        programs =
            (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") as NSString)
            .deletingLastPathComponent
        ownsDirectory = options.stateFolder == nil
        var template = Array("/tmp/keystone-bench.XXXXXX".utf8CString)
        if let folder = options.stateFolder {
            directory = StateDirectory.resolve(option: folder) { _ in nil }
        } else {
            guard let made = mkdtemp(&template) else { throw SystemError("make a temporary folder") }
            directory = StateDirectory(root: String(cString: made))
        }
        project = directory.root + "/bench-project"
        try FileManager.default.createDirectory(atPath: project, withIntermediateDirectories: true)
        controller = SandboxController(directory: directory)
        settings = SandboxSettings(
            memoryMebibytes: SandboxSettings.minimumMemoryMebibytes, processors: options.processors)
    }

    private var hostProbe: String { "\(programs)/\(BenchFixture.probe)" }
    /// In the initramfs, where a program from a build folder can be called by its name.
    static let includedProbe = "/usr/local/bin/\(BenchFixture.probe)"
    /// In the running guest.
    let probePath = "/opt/\(BenchFixture.probe)"
    var cli: String { "\(programs)/keystone" }

    func buildImage() throws {
        var inputs = MinimalImageInputs(environment: ProcessInfo.processInfo.environment)
        inputs.agent = inputs.agent ?? "\(programs)/keystone-guest-agent"
        let builder = MinimalImageBuilder(
            store: ImageStore(directory: directory), progress: BenchProgress(), inputs: inputs)
        image = try builder.build(include: [hostProbe] + (hasHostProgram ? [BenchFixture.hostProgram] : []))
    }

    var request: StartRequest { StartRequest(name: BenchFixture.sandbox, project: project, settings: settings) }

    /// - Parameter provisions: false to see what a start is without.
    func start(provisions: Bool = true) throws {
        var request = self.request
        request.provisions = provisions
        status = try controller.start(request, progress: SilentProgress())
    }

    /// Brings the probe into the running guest's own memory, by the workspace.
    func placeProbe() throws {
        let shared = "\(project)/\(BenchFixture.probe)"
        try? FileManager.default.removeItem(atPath: shared)
        try FileManager.default.copyItem(atPath: hostProbe, toPath: shared)
        _ = try shell("cp /workspace/\(BenchFixture.probe) \(probePath)", at: endpoint())
    }

    func stop() throws {
        status = nil
        try controller.stop(BenchFixture.sandbox, options: StopOptions(force: true), progress: SilentProgress())
    }

    /// The way to the running sandbox's agent.
    func endpoint() throws -> GuestConnection.Endpoint {
        try GuestConnection.endpoint(sandbox: BenchFixture.sandbox, in: directory)
    }

    func removeWhenInterrupted() throws {
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
        try LinuxSystem.Thread.start(name: "bench-signals") {
            while signals.next() == nil {
                var entry = pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0)
                poll(&entry, 1, -1)
            }
            self.remove()
            exit(130)
        }
    }

    /// Notes a sandbox that goes with this one, however the run ends.
    func alsoRemove(_ name: String, _ folders: [String]) {
        removing.lock()
        defer { removing.unlock() }
        others.append((name, folders))
    }

    func removeOthers() {
        removing.lock()
        defer { removing.unlock() }
        for other in others {
            try? controller.destroy(other.name, force: true, keepDisk: false, progress: SilentProgress())
            for folder in other.folders { try? FileManager.default.removeItem(atPath: folder) }
        }
        others = []
    }

    /// Ends the sandbox and removes what was made, once.
    func remove() {
        removeOthers()
        removing.lock()
        defer { removing.unlock() }
        try? controller.destroy(BenchFixture.sandbox, force: true, keepDisk: false, progress: SilentProgress())
        try? FileManager.default.removeItem(atPath: project)
        if ownsDirectory { try? FileManager.default.removeItem(atPath: directory.root) }
    }
}

/// Long work on stderr.
struct BenchProgress: ProgressReporter {
    func stage(_ text: String) { BenchLog.write(text) }
    func warning(_ text: String) { BenchLog.write(text) }
    func detail(_ text: String) {}
}
