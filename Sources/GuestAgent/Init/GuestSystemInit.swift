import Glibc
import LinuxSystem

/// PID 1 of the minimal image: sets the machine up, keeps an agent running, reaps orphans, ends the machine.
///
/// The agent is a child, not PID 1 itself, so a crash of it costs its sessions and not the machine. Hello means ready: the
/// agent starts as soon as it can and says hello when modules, workspace and network are there too; meanwhile a second
/// thread brings the workspace, a third the processors, and this one the rest. Under TCG that is worth a tenth of a boot.
/// No shell and no helper runs on the way, since each process start costs 10 to 30 ms there (MEASURED).
///
/// Signals to PID 1, as with sysvinit and busybox: SIGUSR2 (also SIGUSR1, SIGPWR) powers off, SIGTERM and SIGINT restart.
///
/// Concurrency: one thread, asleep in `poll` on a signalfd; it never returns and never exits. Two others live during the boot.
public enum GuestSystemInit {
    public static func run() -> Never {
        umask(0o022)
        SystemMounts.mountEarly()
        InitLog.openConsole()
        // Before any child, whose end would go unseen, and any thread.
        guard let signals = try? SignalDescriptor([SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGPWR]) else {
            InitLog.say("signals can't be waited for")
            while true { pause() }
        }
        let parameters = KernelParameters.current()
        let modules = ModuleList.current()
        // As early as can be. The agent, which does it where systemd is PID 1, waits for it before the hello.
        try? Thread.start(name: "processors") { Processors.switchOn() }
        ModuleList.load(modules.early) { InitLog.say($0) }
        SystemMounts.mountRest()
        prepare(parameters)
        supervise(signals, startAgent { bringTheRest(modules.late, parameters) })
    }

    /// What the agent inherits or tells.
    private static func prepare(_ parameters: KernelParameters) {
        if let name = parameters.value("keystone.hostname") ?? hostNameFile {
            do throws(SystemError) { try Machine.setHostName(name) } catch { InitLog.say("\(error)") }
        }
        // The kernel gives PID 1 a hard limit of 4096, and everybody inherits it.
        var limit = rlimit(rlim_cur: 1024, rlim_max: 524_288)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        Machine.sendControlAltDeleteToInit()
    }

    /// Starts the first agent, which keeps its hello back until `work` is done.
    private static func startAgent(_ work: () -> Void) -> AgentSupervisor {
        var agent = AgentSupervisor()
        do throws(SystemError) {
            let gate = try FileDescriptor.pipe()
            let reader = gate.first
            let writer = gate.second
            agent.startIfDue(gate: reader.rawValue)
            work()
            close(writer.release())
        } catch {
            InitLog.say("\(error)")
            work()
        }
        return agent
    }

    /// The first group of modules brings the workspace, the others the network and what else there is.
    private static func bringTheRest(_ groups: [[ModuleList.Module]], _ parameters: KernelParameters) {
        let workspace: @Sendable () -> Void = {
            ModuleList.load(groups.first ?? []) { InitLog.say($0) }
            WorkspaceMount.mountIfPresent()
        }
        let arrival = inBackground(workspace)
        for group in groups.dropFirst() { ModuleList.load(group) { InitLog.say($0) } }
        NetworkSetup.configure(parameters)
        guard let arrival else { return workspace() }
        var entry = pollfd(fd: arrival.rawValue, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, -1) < 0, errno == EINTR {}
    }

    /// - Returns: what is raised when the work is done; nil when there can be no other thread.
    private static func inBackground(_ work: @escaping @Sendable () -> Void) -> EventDescriptor? {
        guard let arrival = try? EventDescriptor() else { return nil }
        do throws(SystemError) {
            try Thread.start(name: "workspace") {
                work()
                arrival.signal()
            }
        } catch { return nil }
        return arrival
    }

    private static var hostNameFile: String? {
        guard let text = try? SmallFile.read("/etc/hostname", limit: 256) else { return nil }
        let name = text.prefix { $0 > 0x20 }
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    private static func supervise(_ signals: SignalDescriptor, _ first: AgentSupervisor) -> Never {
        var agent = first
        var entry = pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0)
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
