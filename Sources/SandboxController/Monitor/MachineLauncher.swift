import CLinux
import FoundationEssentials
import Glibc
import LinuxSystem

/// Turns a sandbox's settings into a running QEMU and vsock device. The monitor's main thread only: the children die with
/// the thread that starts them.
struct MachineLauncher {
    /// What was decided before anything was started.
    struct Plan {
        let record: SandboxRecord
        let image: Image
        let qemu: QemuProgram
        let accelerator: SandboxSettings.Accelerator
        let security: SandboxSettings.ShareSecurity
        let carrier: VsockCarrier
        /// An open tap, for tap and bridge networks.
        let tap: HeldDescriptor?
    }

    final class HeldDescriptor: Sendable {
        let descriptor: FileDescriptor
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }

    /// With our device every guest has this context id: the device is the sandbox's own, so there is no number to agree on.
    static let guestCID = 3

    let name: String
    let directory: StateDirectory
    let snapshot: MonitorSnapshot
    let progress: any ProgressReporter
    /// Where the machine's processes begin, when their limits are ours to keep.
    private(set) var group: DelegatedGroup?

    init(name: String, directory: StateDirectory, snapshot: MonitorSnapshot, progress: any ProgressReporter) {
        self.name = name
        self.directory = directory
        self.snapshot = snapshot
        self.progress = progress
    }

    // MARK: Deciding

    func plan() throws(ControllerError) -> Plan {
        progress.stage("checking the image and the host")
        let record = try Registry(directory: directory).requireRecord(named: name)
        let store = ImageStore(directory: directory)
        let image = try store.resolve(record.settings.image)
        try store.verify(image)
        let qemu = try QemuProgram.locate(cache: directory.cacheFolder + "/qemu.json")
        let choice = AcceleratorChoice.choose(override: record.settings.accelerator)
        if let warning = choice.warning { progress.warning(warning) }
        if let warning = try Preflight.checkMemory(record.settings.memoryMebibytes) { progress.warning(warning) }
        try Preflight.checkDisk(directory.stateFolder(name), mebibytes: 16)
        let share = try shareChoice(record)
        let carrier = try VsockCarrier.choose(record.settings.vsock)
        snapshot.update {
            $0.imageID = image.id
            $0.accelerator = choice.kind.rawValue
            $0.shareSecurity = share.security.rawValue
            $0.shareReason = share.reason
            $0.vsock = carrier.kind.rawValue
            $0.guestCID = carrier.guestCID
        }
        return Plan(
            record: record, image: image, qemu: qemu, accelerator: choice.kind, security: share.security,
            carrier: carrier, tap: try tap(record.settings.network))
    }

    private func shareChoice(_ record: SandboxRecord) throws(ControllerError) -> ShareChoice {
        var project = stat()
        guard stat(record.project, &project) == 0, project.st_mode & S_IFMT == S_IFDIR else {
            throw ControllerError(
                .badPath, "The project \(PrintableText.quoted(record.project)) is not a folder that can be shared.")
        }
        return try ShareChoice.choose(asked: record.settings.shareSecurity, isRoot: geteuid() == 0)
    }

    private func tap(_ network: SandboxSettings.Network) throws(ControllerError) -> HeldDescriptor? {
        switch network {
        case .user, .none: nil
        case .tap(let interface): HeldDescriptor(try TapInterface.open(interface))
        case .bridge(let bridge): HeldDescriptor(try BridgeTap.open(bridge: bridge))
        }
    }

    // MARK: Starting

    /// - Parameters:
    ///   - lock: the monitor's lock, which the children inherit; see `Monitor`.
    ///   - reportPort: where the agent is to say hello.
    mutating func launch(_ plan: Plan, lock: Int32, reportPort: UInt32) throws(ControllerError) -> MachineChildren {
        progress.stage("starting the virtual machine")
        let arguments = try self.arguments(plan)
        limit(plan.record.settings.limits)
        do throws(SystemError) {
            return try start(plan, arguments, lock, reportPort)
        } catch {
            throw .system(error, doing: "Starting the virtual machine")
        }
    }

    /// In a unit the limits are the unit's.
    private mutating func limit(_ limits: ResourceLimits) {
        guard !limits.isEmpty, snapshot.current.unit == nil else { return }
        guard let group = DelegatedGroup.make(name: "keystone-\(name)-\(getpid())", limits: limits) else {
            return progress.warning(
                "The limits of memory and processors can't be kept: no control group is delegated to this user. See `keystone agent doctor`."
            )
        }
        self.group = group
        snapshot.update { $0.controlGroup = group.path }
    }

    private func start(
        _ plan: Plan, _ arguments: [String], _ lock: Int32, _ reportPort: UInt32
    ) throws(SystemError) -> MachineChildren {
        let firstEnd = try FirstEnd()
        let control = try UnixSocket.pair()
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let console = try FileDescriptor.open(
            directory.consoleLog(name), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode: 0o600)
        let log = try FileDescriptor.open(
            directory.machineLog(name), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode: 0o600)
        let credential = try SecretFile.make(snapshot.secrets.credential(reportPort: reportPort))
        let (vsock, device) = try startCarrier(plan.carrier, nothing: nothing.rawValue, log: log.rawValue, lock)
        let machine: ProcessHandle
        do throws(SystemError) {
            var descriptors = [
                nothing.rawValue, log.rawValue, log.rawValue, lock, vsock.descriptor.rawValue, control.second.rawValue,
            ]
            descriptors += [console.rawValue, credential.rawValue]
            if let tap = plan.tap?.descriptor.rawValue { descriptors.append(tap) }
            machine = try startMachine(plan, arguments, descriptors)
        } catch {
            // What was started is not left alone.
            try? device?.send(SIGKILL)
            _ = try? device?.reap()
            throw error
        }
        snapshot.update {
            $0.machineProcess = machine.processID
            $0.deviceProcess = device?.processID
        }
        return MachineChildren(
            machine: machine, device: device, firstEnd: firstEnd, qmp: try QMPChannel(control.first))
    }

    /// What QEMU is given as its vsock, and the process behind it where there is one.
    private func startCarrier(
        _ carrier: VsockCarrier, nothing: Int32, log: Int32, _ lock: Int32
    ) throws(SystemError) -> (vsock: HeldDescriptor, device: ProcessHandle?) {
        switch carrier {
        case .kernel(let vsock): return (HeldDescriptor(try vsock.descriptor.duplicate()), nil)
        case .device(let program):
            let pair = try UnixSocket.pair()
            let device = try startDevice(program, vsock: pair.second.rawValue, nothing: nothing, log: log, lock)
            return (HeldDescriptor(pair.first), device)
        }
    }

    /// The numbers are those that `start` gives to QEMU's descriptors.
    private func arguments(_ plan: Plan) throws(ControllerError) -> [String] {
        let settings = plan.record.settings
        let network: MachineConfiguration.Network =
            switch settings.network {
            case .none: .none
            case .user: .user
            case .tap, .bridge: .tap(descriptor: 8)
            }
        return try MachineCommandLine.arguments(
            MachineConfiguration(
                name: name, image: plan.image, memoryMebibytes: settings.memoryMebibytes,
                processors: settings.processors,
                nested: settings.nested, accelerator: plan.accelerator,
                vsock: plan.carrier.guestCID.map { .kernel(guestCID: $0) } ?? .device,
                shares: [.init(path: plan.record.project, security: plan.security)], network: network,
                descriptors: .init(vsock: 4, control: 5, console: 6, credential: 7), firmware: plan.qemu.firmware,
                keepsStaleCode: plan.qemu.keepsStaleCode,
                machineID: MachineIdentity.text(of: plan.record, in: directory)))
    }

    private func startMachine(_ plan: Plan, _ arguments: [String], _ descriptors: [Int32]) throws(SystemError)
        -> ProcessHandle
    {
        var request = SpawnRequest(
            path: plan.qemu.path, arguments: arguments, environment: MachineLauncher.environment,
            descriptors: descriptors)
        request.keepOnlyCapabilities = capabilities(for: plan.record.project)
        return try start(request)
    }

    private func startDevice(_ program: String, vsock: Int32, nothing: Int32, log: Int32, _ lock: Int32)
        throws(SystemError) -> ProcessHandle
    {
        // A path relative to the working directory is short, however deep the state folder is.
        let arguments = ["--fd", "4", "--uds-path", "vsock.sock", "--guest-cid", String(MachineLauncher.guestCID)]
        var request = SpawnRequest(
            path: program, arguments: arguments, environment: MachineLauncher.environment,
            descriptors: [nothing, log, log, lock, vsock])
        request.keepOnlyCapabilities = 0
        return try start(request)
    }

    private func start(_ prepared: SpawnRequest) throws(SystemError) -> ProcessHandle {
        var request = prepared
        request.cgroup = group?.rawValue ?? -1
        request.directory = directory.stateFolder(name)
        request.deathSignal = SIGKILL
        // Ctrl-C in somebody's terminal is not for them.
        request.session = .processGroup
        request.fileModeMask = 0o077
        do throws(SpawnError) {
            return try ChildProcess.spawn(request)
        } catch {
            throw SystemError("start \(request.candidates[0])", code: error.code)
        }
    }

    /// QEMU as root keeps no capability where root owns the project; where somebody else does, only those that let it
    /// read and write their files (capabilities(7)).
    private func capabilities(for project: String) -> UInt64 {
        var status = stat()
        guard geteuid() == 0, stat(project, &status) == 0, status.st_uid != 0 else { return 0 }
        let (overrideAccess, actAsOwner): (UInt64, UInt64) = (1 << 1, 1 << 3)
        return overrideAccess | actAsOwner
    }

    private static let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"]
}

/// Bytes in memory that a child reads through an inherited descriptor: on no disk, in no command line.
enum SecretFile {
    /// MFD_CLOEXEC of memfd_create(2); the child's copy does not have it.
    private static let closeOnExec: UInt32 = 1

    static func make(_ bytes: [UInt8]) throws(SystemError) -> FileDescriptor {
        let file = FileDescriptor(
            owning: try retryingInterrupts("create a memory file") { ks_memfd_create("keystone-boot", closeOnExec) })
        try file.writeAll(bytes)
        lseek(file.rawValue, 0, SEEK_SET)
        return file
    }
}
