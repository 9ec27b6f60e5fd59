import Foundation
import Glibc
import LinuxSystem

/// The monitor as a program: `keystone agent __monitor STATE-DIR NAME CHANNEL-FD TIMEOUT-SECONDS`, started by
/// `SandboxController.start` only.
public enum MonitorProcess {
    static let verb = "__monitor"

    public static func main(arguments: [String]) -> Never {
        guard arguments.count == 4, let channel = Int32(arguments[2]), let timeout = Int(arguments[3]), channel > 2
        else {
            ErrorStream.say("keystone: \(verb) is started by `keystone agent start` only")
            exit(2)
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

    /// Starts a monitor that outlives us.
    /// - Returns: our end of its start channel.
    static func spawn(_ name: String, in directory: StateDirectory, timeoutSeconds: Int) throws(ControllerError)
        -> FileDescriptor
    {
        do throws(SystemError) {
            let pair = try UnixSocket.pair()
            let ours = pair.first
            let theirs = pair.second
            let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
            let log = try FileDescriptor.open(directory.monitorLog(name), O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let program = try Self.program()
            var request = SpawnRequest(
                path: program,
                arguments: ["agent", verb, directory.root, name, "3", String(timeoutSeconds)],
                environment: MonitorEnvironment.entries(of: ProcessInfo.processInfo.environment),
                descriptors: [nothing.rawValue, log.rawValue, log.rawValue, theirs.rawValue])
            request.session = .session(controllingTerminal: false)
            request.directory = directory.stateFolder(name)
            request.fileModeMask = 0o077
            let process = try start(request)
            // Whoever lives longer than the monitor must not keep it as a zombie.
            try Thread.start(name: "monitor-reaper") { _ = try? process.reap() }
            return ours
        } catch {
            throw .system(error, doing: "Starting the sandbox's monitor")
        }
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
