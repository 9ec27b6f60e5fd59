import FoundationEssentials
import Glibc
import LinuxSystem

/// The monitor as a program: `keystone agent __monitor STATE-DIR NAME CHANNEL-FD TIMEOUT-SECONDS`, started by
/// `SandboxController.start` only.
public enum MonitorProcess {
    static let verb = "__monitor"
    /// Set by us for a monitor in a unit: the unit's name.
    static let unitVariable = "KEYSTONE_AGENT_UNIT"
    /// What a unit is stopped by: ends the monitor whose process number follows, in order, and waits for it.
    public static let endVerb = "__end-monitor"

    public static func main(arguments: [String]) -> Never {
        guard arguments.count == 4, let given = Int32(arguments[2]), let timeout = Int(arguments[3]),
            given > 2 || given == 0
        else {
            ErrorStream.say("keystone: \(verb) is started by `keystone agent start` only")
            exit(2)
        }
        // A unit has its start channel as its standard input, where nothing may be read by accident.
        let channel = given == 0 ? fcntl(0, F_DUPFD_CLOEXEC, 3) : given
        if given == 0 {
            close(0)
            _ = open("/dev/null", O_RDONLY)
        }
        _ = fcntl(channel, F_SETFD, FD_CLOEXEC)
        Signals.ignoreBrokenPipe()
        // Here are tokens and the boot's secrets, in QEMU's memory too.
        CoreDumps.forbidForAll()
        let directory = StateDirectory(root: arguments[0])
        let socket = FileDescriptor(owning: channel)
        let monitor = Monitor(
            name: arguments[1], directory: directory, channel: socket, timeoutSeconds: timeout)
        exit(monitor.run())
    }

    /// - Returns: the exit code. A process that is not there is no failure: it has ended.
    public static func end(arguments: [String]) -> Int32 {
        guard let number = arguments.first.flatMap({ Int32($0) }), number > 1,
            let monitor = try? ProcessHandle(opening: number)
        else { return 0 }
        try? monitor.send(SIGTERM)
        let limit = Deadline.after(milliseconds: TransientUnit.stopSeconds * 1000)
        return monitor.waitForEnd(deadline: limit) ? 0 : 1
    }

    /// Starts a monitor that outlives us: in a unit of the systemd user manager where one runs, detached by itself otherwise.
    /// - Returns: our end of its start channel.
    static func spawn(
        _ name: String, in directory: StateDirectory, timeoutSeconds: Int, limits: ResourceLimits = ResourceLimits(),
        progress: any ProgressReporter = SilentProgress(),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ControllerError) -> FileDescriptor {
        do throws(SystemError) {
            let log = try FileDescriptor.open(directory.monitorLog(name), O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let program = try Self.program()
            let orders = (name: name, directory: directory, timeout: timeoutSeconds, limits: limits)
            if let unit = unit(orders, program, environment) {
                let pair = try UnixSocket.pair()
                let ours = pair.first
                let theirs = pair.second
                if try UnitRunner.start(
                    unit.request(input: theirs.rawValue, log: log.rawValue), channel: ours)
                {
                    return ours
                }
                progress.warning(
                    "The systemd user manager did not start the sandbox's monitor, so it looks after itself.")
            }
            return try detached(orders, program, environment, log: log.rawValue)
        } catch {
            throw .system(error, doing: "Starting the sandbox's monitor")
        }
    }

    private typealias Orders = (name: String, directory: StateDirectory, timeout: Int, limits: ResourceLimits)

    /// What runs as the unit, ready to be started.
    private struct PreparedUnit {
        let path: String
        let arguments: [String]
        let environment: [String]

        func request(input: Int32, log: Int32) -> SpawnRequest {
            var request = SpawnRequest(
                path: path, arguments: arguments, environment: environment, descriptors: [input, log, log])
            request.session = .session(controllingTerminal: false)
            return request
        }
    }

    /// nil where no user manager runs, where its tools are missing, or with `KEYSTONE_AGENT_UNITS=off`.
    private static func unit(_ orders: Orders, _ program: String, _ environment: [String: String]) -> PreparedUnit? {
        guard environment["KEYSTONE_AGENT_UNITS"] != "off",
            let manager = UserManager.find(environment: environment, userID: geteuid()),
            manager.hasBus, let runner = ProgramPath.locate(UnitRunner.program, environment: environment),
            let environmentProgram = ProgramPath.locate("env", environment: environment)
        else { return nil }
        var variables = environment
        variables["XDG_RUNTIME_DIR"] = manager.runtimeFolder
        let entries = MonitorEnvironment.entries(of: variables)
        let unitName = "keystone-\(orders.name)-\(getpid()).service"
        let unit = TransientUnit(
            name: unitName, description: "Keystone sandbox \(orders.name)",
            workingFolder: orders.directory.stateFolder(orders.name),
            environment: entries + ["\(unitVariable)=\(unitName)"],
            command: [program] + arguments(orders, channel: 0), limits: orders.limits)
        return PreparedUnit(
            path: runner, arguments: unit.arguments(environmentProgram: environmentProgram, program: program),
            environment: entries)
    }

    private static func detached(
        _ orders: Orders, _ program: String, _ environment: [String: String], log: Int32
    ) throws(SystemError) -> FileDescriptor {
        let pair = try UnixSocket.pair()
        let ours = pair.first
        let theirs = pair.second
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        var request = SpawnRequest(
            path: program, arguments: arguments(orders, channel: 3),
            environment: MonitorEnvironment.entries(of: environment),
            descriptors: [nothing.rawValue, log, log, theirs.rawValue])
        request.session = .session(controllingTerminal: false)
        request.directory = orders.directory.stateFolder(orders.name)
        request.fileModeMask = 0o077
        let process = try start(request)
        // Whoever lives longer than the monitor must not keep it as a zombie.
        try Thread.start(name: "monitor-reaper") { _ = try? process.reap() }
        return ours
    }

    private static func arguments(_ orders: Orders, channel: Int32) -> [String] {
        ["agent", verb, orders.directory.root, orders.name, String(channel), String(orders.timeout)]
    }

    private static func program() throws(SystemError) -> String {
        do throws(ControllerError) {
            return try ProgramLocator.own("keystone", override: "KEYSTONE_PROGRAM")
        } catch {
            throw SystemError("find the program keystone", code: ENOENT)
        }
    }

    private static func start(_ request: SpawnRequest) throws(SystemError) -> ProcessHandle {
        do throws(SpawnError) {
            return try ChildProcess.spawn(request)
        } catch {
            throw SystemError("start \(request.candidates[0])", code: error.code)
        }
    }
}
