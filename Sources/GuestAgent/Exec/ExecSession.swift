import AgentProtocol
import Glibc
import LinuxSystem

/// One command from its start to its exit report.
///
/// Concurrency: lives on one thread, which polls the connection, the command's streams and its pidfd together. Nothing it
/// does waits on one of them alone, so neither a host that does not read, nor a command that does not, nor anything the
/// command left behind holds up the rest. It owns all of these descriptors.
struct ExecSession: ~Copyable {
    /// For the last bytes of something that outlives the command and still holds its output.
    static let drainGrace = 500
    /// Between SIGTERM and the kill, in milliseconds.
    static let terminationGrace = 2000
    /// Between SIGHUP and the kill when the host is gone.
    static let hangUpGrace = 500

    /// -1 once the host is gone or the session is detached.
    var connection: FileDescriptor
    var frames: FrameBuffer
    var outbox: Outbox
    var input: InputStream
    var output: OutputStream
    var errors: OutputStream
    var streams: SessionStreams
    let leadership: Leadership
    let process: ProcessHandle
    let scope: SessionScope
    let entry: SessionEntry
    let hasTerminal: Bool
    let started: UInt64

    var timeoutAt: Deadline
    /// When everything that is left gets SIGKILL; set by a cancel, a timeout or the loss of the host.
    var killAt = Deadline.never
    /// Set when the command has ended: how long what it left behind may still send output.
    var drainUntil: Deadline?
    var timedOut = false
    var outOfMemory = false
    private var errorsFirst = false
    /// Until when `started` waits for company: see `holdStarted`.
    private var holdUntil = Deadline.never
    var isHolding = false

    var isDetached: Bool { entry.output != nil }
    var isConnected: Bool { connection.rawValue >= 0 }

    init(
        connection: consuming FileDescriptor, frames: consuming FrameBuffer, outbox: consuming Outbox,
        streams: consuming SessionStreams, process: ProcessHandle, scope: SessionScope, entry: SessionEntry,
        leadership: Leadership, started: UInt64, timeoutAt: Deadline
    ) {
        self.connection = connection
        self.frames = frames
        self.outbox = outbox
        hasTerminal = streams.hasTerminal
        input = streams.takeInput()
        output = streams.takeOutput()
        errors = streams.takeErrors()
        self.streams = streams
        self.leadership = leadership
        self.process = process
        self.scope = scope
        self.entry = entry
        self.started = started
        self.timeoutAt = timeoutAt
    }

    /// Lets `started` wait for the first output or the end of a short command, until 12 ms after the request: each write to
    /// vsock costs a kernel thread's wake-up and a kick of the device.
    mutating func holdStarted() {
        isHolding = true
        // Not from now: a look at an emulated machine's clock takes up to 20 µs.
        holdUntil = Deadline(nanoseconds: started + 12_000_000)
    }

    mutating func stopHolding() { isHolding = false }

    /// Serves the session to its end, and closes the connection.
    mutating func run() {
        var truncated = false
        // Input that came right behind the request is in the buffer, where no poll would see it.
        if frames.pending > 0 { handleFrames() }
        while true {
            flush()
            if drainUntil != nil {
                let open = output.isOpen || errors.isOpen
                if !open || (!isConnected && !isDetached) { break }
                if let drainUntil, drainUntil.hasPassed, outbox.isEmpty, output.owed == 0, errors.owed == 0 {
                    truncated = somethingMayStillWrite()
                    if truncated || (output.owed == 0 && errors.owed == 0) { break }
                }
            }
            turn()
        }
        finish(truncated: truncated)
        connection = FileDescriptor(owning: -1)
    }

    /// Whether output can still come when the grace is over. An open pipe alone does not say so: between clone3 and execve
    /// another session's child holds a copy of its writing end, on a busy guest for longer than the grace (3 of 3,000
    /// `echo` were called truncated at load 10). With nothing alive in the group, what is in the pipes is all there is.
    private mutating func somethingMayStillWrite() -> Bool {
        if scope.group?.isPopulated ?? true { return true }
        output.noteCommandEnded()
        errors.noteCommandEnded()
        return false
    }

    /// Waits for the next event and does what it calls for.
    private mutating func turn() {
        let mayRead = outbox.isEmpty || isHolding
        var watched = SessionPoll()
        watched.set(.connection, connection.rawValue, POLLIN | (mayRead ? 0 : POLLOUT))
        watched.set(.output, mayRead ? output.rawValue : -1, POLLIN)
        watched.set(.errors, mayRead ? errors.rawValue : -1, POLLIN)
        watched.set(.input, input.pollDescriptor, POLLOUT)
        watched.set(.process, drainUntil == nil ? process.rawValue : -1, POLLIN)
        watched.set(.memory, scope.group?.memoryEvents.rawValue ?? -1, POLLPRI)
        watched.set(.listener, leadership.pollDescriptor, POLLIN)
        if !watched.wait(until: nextDeadline) { isHolding = false }

        if watched.happened(.connection) { receive() }
        if watched.happened(.input) { input.drain() }
        if watched.happened(.listener) { leadership.giveUp() }
        // By turns, or a flood on one would keep the other waiting for ever.
        errorsFirst.toggle()
        if errorsFirst, watched.happened(.errors) { ExecSession.pump(&errors, into: &outbox, ring: entry.output) }
        if watched.happened(.output) { ExecSession.pump(&output, into: &outbox, ring: entry.output) }
        if !errorsFirst, watched.happened(.errors) { ExecSession.pump(&errors, into: &outbox, ring: entry.output) }
        if isHolding, output.hasMoved || errors.hasMoved { isHolding = false }
        if watched.happened(.memory), scope.group?.hasNewOutOfMemoryKill() == true { outOfMemory = true }
        if watched.happened(.process) { noteCommandEnded() }
        grantInput()
        meetDeadlines()
    }

    private var nextDeadline: Deadline {
        var next = min(timeoutAt, killAt)
        if isHolding { next = min(next, holdUntil) }
        // While output waits for the host, the grace of what the command left behind does not matter.
        if let drainUntil, outbox.isEmpty { next = min(next, drainUntil) }
        return next
    }

    private mutating func meetDeadlines() {
        if timeoutAt.hasPassed {
            timeoutAt = .never
            timedOut = true
            terminate()
        }
        if killAt.hasPassed {
            killAt = .never
            scope.killAll()
        }
    }

    mutating func flush() {
        guard isConnected, !isHolding, !outbox.isEmpty else { return }
        if outbox.flush(to: connection) == .peerGone { hangUp() }
    }
}
