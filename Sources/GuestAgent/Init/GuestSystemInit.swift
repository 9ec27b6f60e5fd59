import Glibc
import LinuxSystem

/// PID 1 of the minimal image: sets the machine up, keeps an agent running, reaps orphans, ends the machine.
///
/// The agent is a child, not PID 1 itself, so a crash of it costs its sessions and not the machine. Hello means ready: modules,
/// workspace and network are there before the agent starts. No shell and no helper runs on the way, since each
/// process start costs 10 to 30 ms under TCG (MEASURED).
///
/// Signals to PID 1, as with sysvinit and busybox: SIGUSR2 (also SIGUSR1, SIGPWR) powers off, SIGTERM and SIGINT restart.
///
/// Concurrency: one thread, asleep in `poll` on a signalfd. It never returns and never exits.
public enum GuestSystemInit {
    public static func run() -> Never {
        umask(0o022)
        SystemMounts.mountEarly()
        InitLog.openConsole()
        setUp()
        guard let signals = try? SignalDescriptor([SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGPWR]) else {
            InitLog.say("signals can't be waited for")
            while true { pause() }
        }
        supervise(signals)
    }

    private static func setUp() {
        let parameters = KernelParameters.current()
        let modules = ModuleList.current()
        ModuleList.load(modules.early) { InitLog.say($0) }
        SystemMounts.mountRest()
        ModuleList.load(modules.late) { InitLog.say($0) }
        WorkspaceMount.mountIfPresent()
        NetworkSetup.configure(parameters)
        if let name = parameters.value("keystone.hostname") ?? hostNameFile {
            do throws(SystemError) { try Machine.setHostName(name) } catch { InitLog.say("\(error)") }
        }
        // The kernel gives PID 1 a hard limit of 4096, and everybody inherits it.
        var limit = rlimit(rlim_cur: 1024, rlim_max: 524_288)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        Machine.sendControlAltDeleteToInit()
    }

    private static var hostNameFile: String? {
        guard let text = try? SmallFile.read("/etc/hostname", limit: 256) else { return nil }
        let name = text.prefix { $0 > 0x20 }
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    private static func supervise(_ signals: SignalDescriptor) -> Never {
        var agent = AgentSupervisor()
        var entry = pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0)
        agent.startIfDue()
        ResidentMemory.release()
        while true {
            agent.startIfDue()
            _ = poll(&entry, 1, agent.startAt.pollTimeout)
            while let number = signals.next() {
                if let end = MachineEnd(signal: number) { end.carryOut(signals) }
            }
            while let ended = ProcessHandle.reapAny() { _ = agent.noteEnd(of: ended.processID, status: ended.status) }
        }
    }
}
