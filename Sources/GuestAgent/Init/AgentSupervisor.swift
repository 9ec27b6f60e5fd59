import Glibc
import LinuxSystem

/// Keeps one agent running.
///
/// Concurrency: belongs to PID 1's only thread.
struct AgentSupervisor {
    /// An agent that lived this long had no trouble starting, in milliseconds.
    private static let youth: UInt64 = 10_000
    private static let longestPause = 10_000

    /// 0 while none runs.
    private(set) var processID: pid_t = 0
    private var handle: ProcessHandle?
    private var bornAt: UInt64 = 0
    private var earlyDeaths = 0
    /// When to start the next; `never` while one runs.
    private(set) var startAt = Deadline(nanoseconds: 0)

    /// - Parameter gate: a pipe's reading end, or -1: the agent says hello once the other end is closed.
    mutating func startIfDue(gate: Int32 = -1) {
        guard startAt.hasPassed else { return }
        startAt = .never
        bornAt = Deadline.now()
        do throws(SpawnError) {
            let handle = try ChildProcess.spawn(AgentSupervisor.request(gate))
            processID = handle.processID
            self.handle = handle
        } catch {
            InitLog.say("the agent can't be started: \(error)")
            pauseBeforeNext()
        }
    }

    /// - Returns: whether it was the agent that ended.
    mutating func noteEnd(of ended: pid_t, status: ExitStatus) -> Bool {
        guard ended == processID else { return false }
        InitLog.say("the agent ended (\(status)); starting another")
        processID = 0
        handle = nil
        if Deadline.now() - bornAt > AgentSupervisor.youth * 1_000_000 { earlyDeaths = 0 }
        pauseBeforeNext()
        return true
    }

    /// At once the first time; then 100 ms, doubled with each that dies young.
    private mutating func pauseBeforeNext() {
        let pause = earlyDeaths == 0 ? 0 : min(AgentSupervisor.longestPause, 100 << min(earlyDeaths - 1, 10))
        earlyDeaths += 1
        startAt = .after(milliseconds: pause)
    }

    /// Bytes of the stacks of ended threads that glibc keeps for new ones, instead of 40 MiB: after 300 sessions at once their
    /// used pages, 12 KiB each, were half of what the agent held (GNU C Library manual, "POSIX Thread Tunables").
    private static let threadStacks = "GLIBC_TUNABLES=glibc.pthread.stack_cache_size=524288"

    private static func request(_ gate: Int32) -> SpawnRequest {
        let gated = gate >= 0
        var request = SpawnRequest(
            candidates: ["/proc/self/exe"],
            arguments: ["keystone-guest-agent", "serve"] + (gated ? ["--hello-after", "3"] : []),
            environment: [
                "PATH=\(CommandEnvironment.standardPath)", "\(MachinePower.initVariable)=1",
                AgentSupervisor.threadStacks,
            ],
            descriptors: [0, 1, 2] + (gated ? [gate] : []))
        request.session = .session(controllingTerminal: false)
        // As a login of root would have it, so that commands of root need no change of ids.
        request.identity = .init(userID: 0, groupID: 0, groups: [0])
        return request
    }
}
