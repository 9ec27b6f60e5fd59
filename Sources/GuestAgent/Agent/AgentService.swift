import AgentProtocol
import Glibc
import LinuxSystem
import VsockTransport

/// The agent as a process: sets everything up, serves until it is told to stop.
///
/// Concurrency: the calling thread becomes the one that waits for signals; the server's workers and the report channel
/// have threads of their own.
public enum AgentService {
    /// Descriptors the agent may hold: seven for each of `AgentServer.connectionLimit` sessions, and some.
    private static let descriptorLimit: rlim_t = 65_536

    /// - Returns: the process's exit code.
    public static func run(_ options: AgentOptions) -> Int32 {
        do {
            Machine.limitMemoryArenas(to: 2)
            Signals.ignoreBrokenPipe()
            // Anybody but root would lose the way to their own /proc/self with it.
            if geteuid() == 0 { CoreDumps.forbidForSelf() }
            // Commands inherit it.
            umask(0o022)
            Thread.name("keystone-agent")
            let signals = try SignalDescriptor([SIGTERM, SIGINT])
            let agent = try RunningAgent(options)
            let notifier = SystemdNotifier()
            notifier.send("READY=1")
            waitForStop(signals, notifier)
            notifier.send("STOPPING=1")
            agent.stop()
            return 0
        } catch {
            AgentLog.say("\(error)")
            return 1
        }
    }

    private static func waitForStop(_ signals: SignalDescriptor, _ notifier: SystemdNotifier) {
        var entry = pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0)
        while signals.next() == nil {
            if poll(&entry, 1, Int32(clamping: notifier.watchdogMilliseconds ?? -1)) == 0 {
                notifier.send("WATCHDOG=1")
            }
        }
    }

    /// Raises this process's own limit and says what its commands should have instead, so that a program
    /// which still uses select(2) meets the usual 1024.
    static func raiseDescriptorLimit() -> (soft: UInt64, hard: UInt64)? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        let before = limit
        limit.rlim_max = max(limit.rlim_max, descriptorLimit)
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
            // Without CAP_SYS_RESOURCE the hard limit stays.
            limit.rlim_max = before.rlim_max
            limit.rlim_cur = before.rlim_max
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        }
        return (UInt64(min(before.rlim_cur, limit.rlim_max)), UInt64(limit.rlim_max))
    }
}
