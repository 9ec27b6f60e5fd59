import AgentProtocol
import Glibc
import LinuxSystem

/// Turns a request into a running session.
///
/// Concurrency: used by all session threads; what it holds is safe to share.
final class ExecLauncher: Sendable {
    let system: GuestSystem
    let sessions: SessionTable
    let groups: GroupPool?
    private let defaults: SessionDefaults
    private let memoryPriority = MemoryPriority()
    private let openFiles: (soft: UInt64, hard: UInt64)?

    init(
        system: GuestSystem, groups: GroupPool?, defaults: SessionDefaults, sessions: SessionTable = SessionTable(),
        openFiles: (soft: UInt64, hard: UInt64)? = nil
    ) {
        self.sessions = sessions
        self.system = system
        self.groups = groups
        self.defaults = defaults
        self.openFiles = openFiles
    }

    /// Starts the command and serves it to its end on this thread.
    /// - Parameters:
    ///   - outbox: what goes before `started`, such as the welcome: one write carries both.
    ///   - connection: consumed whether or not the command starts.
    func run(
        _ request: ExecRequest, connection: consuming FileDescriptor, frames: consuming FrameBuffer,
        outbox: consuming Outbox,
        _ leadership: Leadership
    ) {
        let started = Deadline.now()
        let group = groups?.take()
        defer { if let group { groups?.giveBack(group) } }
        do throws(Refusal) {
            var plan = try CommandPlan(request, system: system, defaults: defaults.current)
            plan.spawn.cgroup = group?.directory.rawValue ?? -1
            plan.spawn.openFiles = openFiles
            // With a cgroup the next agent finds and ends what this one leaves; without, the kernel must.
            if group == nil && !request.detached { plan.spawn.deathSignal = SIGKILL }
            var streams = try SessionStreams(request, user: plan.user, system: system)
            plan.spawn.descriptors = streams.childDescriptors
            // This thread sleeps until the program runs.
            leadership.giveUpIfSomebodyWaits()
            let process = try start(plan)
            streams.closeInputEnd()
            let entry = sessions.enter(
                processID: process.processID, detached: request.detached, isProbe: request.isProbe)
            defer { sessions.leave(entry) }
            outbox.append(Started(processID: UInt32(process.processID), sessionID: entry.id).frame())
            if request.detached { detach(&connection, &outbox, group) }
            var session = ExecSession(
                connection: connection, frames: frames, outbox: outbox, streams: streams, process: process,
                scope: SessionScope(group: group, leader: process.processID), entry: entry, leadership: leadership,
                started: started,
                timeoutAt: request.timeoutMilliseconds == 0
                    ? .never : .after(milliseconds: Int(clamping: request.timeoutMilliseconds)))
            // A host that may send input waits for `started`, which grants the window.
            if request.standardInput == .none && request.terminal == nil { session.holdStarted() }
            session.run()
        } catch {
            outbox.append(error.failure.frame())
            _ = outbox.flush(to: connection)
        }
    }

    private func start(_ plan: borrowing CommandPlan) throws(Refusal) -> ProcessHandle {
        guard let memoryPriority else { return try plan.start() }
        return try memoryPriority.spawn { () throws(Refusal) in try plan.start() }
    }

    /// The session's own thread goes on without the host.
    private func detach(_ connection: inout FileDescriptor, _ outbox: inout Outbox, _ group: SessionGroup?) {
        group?.markKept()
        outbox.append(FrameEncoding.frame(.accepted))
        _ = outbox.flush(to: connection)
        connection = FileDescriptor(owning: -1)
        outbox = Outbox()
    }
}
