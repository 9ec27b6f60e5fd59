import AgentProtocol
import CLinux
import FoundationEssentials
import Glibc
import LinuxSystem

/// What goes from this process to a running command: stdin within the window, signals, window sizes.
///
/// Concurrency: stdin and a terminal's sizes have a thread of their own (`start`), which sleeps in `poll(2)`. Where there is
/// neither, the calling thread passes signals on while it waits for the guest (`wait`), and starts that thread only before
/// something else that may keep it waiting (`prepareWrite`): most commands need none, and one costs 0.4 ms of each.
/// `commandStarted`, `grant` and `finish` may be called on any thread, the others on the calling one. `finish` restores the
/// terminal, exactly once.
final class ExecInput: @unchecked Sendable {
    private static let forwarded = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2]

    private let connection: GuestConnection
    private let options: ExecClientOptions
    private let signals: SignalDescriptor
    private let wake: EventDescriptor
    private let lock = Mutex()
    // Under `lock`:
    private var window = 0
    private var started = false
    private var finished = false
    private var interruptedBy: Int32?
    private var savedMode: termios?
    // Of the calling thread:
    private var hasThread = false

    /// From here on signals wait for `start` or `wait`.
    init(connection: GuestConnection, options: ExecClientOptions) throws(ControllerError) {
        self.connection = connection
        self.options = options
        do throws(SystemError) {
            signals = try SignalDescriptor(ExecInput.forwarded + [SIGWINCH, SIGTSTP, SIGCONT])
            wake = try EventDescriptor()
        } catch { throw ExecInput.failure(error) }
    }

    /// Starts the thread where the options ask for one.
    func begin() throws(ControllerError) { if options.interactive || options.terminal { try start() } }

    private func start() throws(ControllerError) {
        do throws(SystemError) {
            try Thread.start(name: "exec-input") { self.run() }
            hasThread = true
        } catch { throw ExecInput.failure(error) }
    }

    /// Waits until there is something to read, an end of file or an error, and passes signals on meanwhile. At once where a
    /// thread does that: then the reading itself may wait.
    /// - Throws: `ETIMEDOUT`.
    func wait(for descriptor: Int32, deadline: Deadline) throws(SystemError) {
        if hasThread { return }
        var entries = (
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0)
        )
        while true {
            let ready = withUnsafeMutableBytes(of: &entries) {
                poll($0.assumingMemoryBound(to: pollfd.self).baseAddress, 2, deadline.pollTimeout)
            }
            if ready == 0 { throw SystemError("wait", code: ETIMEDOUT) }
            if ready < 0 { continue }
            if entries.1.revents != 0 { while let number = signals.next() { pass(number) } }
            if entries.0.revents != 0 { return }
        }
    }

    /// Before `count` bytes are written to one of our streams: unless they surely find room, signals need the thread.
    func prepareWrite(_ count: Int, to descriptor: Int32) throws(ControllerError) {
        if hasThread { return }
        // What polls writable has room for that much (pipe(7)), but for a terminal, which somebody may have stopped.
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        if count <= Int(PIPE_BUF), poll(&entry, 1, 0) > 0, isatty(descriptor) == 0 { return }
        try start()
    }

    private static func failure(_ error: SystemError) -> ControllerError {
        ControllerError(.internal, "Can't watch signals: \(error).")
    }

    /// The signal that ended us before the command ran.
    var interruption: Int32? { lock.withLock { interruptedBy } }

    /// The command runs: its stdin has the first window, and it may be signalled.
    func commandStarted() {
        lock.withLock {
            window += Int(Limits.stdinWindow)
            started = true
        }
        // With nothing to feed and no size to tell, a thread learns of it with the next signal.
        if options.interactive || options.terminal { wake.signal() }
    }

    func grant(_ count: Int) {
        lock.withLock { window += count }
        if options.interactive { wake.signal() }
    }

    func finish() {
        lock.lock()
        finished = true
        let mode = savedMode
        savedMode = nil
        lock.unlock()
        wake.signal()
        if var mode { tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) }
    }

    /// The keys go to the guest as they are; its terminal makes lines, echoes and signals of them.
    func enterRawMode() {
        var mode = termios()
        guard tcgetattr(STDIN_FILENO, &mode) == 0 else { return }
        lock.withLock { savedMode = mode }
        cfmakeraw(&mode)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &mode)
    }

    private func run() {
        var inputOpen = options.interactive
        var buffer = [UInt8](repeating: 0, count: FrameHeader.size + 64 * 1024)
        var sizeSent = !options.terminal
        while true {
            let (room, running, done) = lock.withLock { (window, started, finished) }
            if done { return }
            if running, !sizeSent {
                sizeSent = true
                sendSize()  // It may have changed since the request was made.
            }
            var entries = [
                pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: inputOpen && room > 0 ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&entries, 3, -1) < 0 { continue }
            wake.drain()
            while let number = signals.next() { pass(number) }
            if entries[2].revents != 0 { inputOpen = feed(&buffer, room: room) }
        }
    }

    /// Reads once and sends it. - Returns: false when stdin has ended.
    private func feed(_ buffer: inout [UInt8], room: Int) -> Bool {
        let most = min(room, buffer.count - FrameHeader.size)
        let count = buffer.withUnsafeMutableBytes {
            Glibc.read(STDIN_FILENO, $0.baseAddress?.advanced(by: FrameHeader.size), most)
        }
        if count < 0, errno == EINTR || errno == EAGAIN { return true }
        do throws(ControllerError) {
            guard count > 0 else {
                try connection.send(FrameEncoding.frame(.standardInputEnd))
                return false
            }
            buffer.withUnsafeMutableBytes { FrameHeader(kind: .standardInput, length: count).encode(into: $0) }
            try connection.send(Array(buffer[..<(FrameHeader.size + count)]))
            lock.withLock { window -= count }
            return true
        } catch {
            return false  // The reading thread sees the same loss and says so.
        }
    }

    private func pass(_ number: Int32) {
        guard lock.withLock({ started }) else {
            if number != SIGWINCH, number != SIGTSTP, number != SIGCONT {
                lock.withLock { interruptedBy = number }
                connection.abort()
            }
            return
        }
        switch number {
        case SIGWINCH: if options.terminal { sendSize() }
        case SIGTSTP:
            // Ctrl-Z at a client without a terminal of its own: the guest's command stops first, then we do.
            sendSignal(SIGTSTP)
            lock.withLock { if var mode = savedMode { tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) } }
            kill(getpid(), SIGSTOP)
        case SIGCONT:
            if options.terminal {
                lock.lock()
                if var mode = savedMode {
                    cfmakeraw(&mode)
                    tcsetattr(STDIN_FILENO, TCSADRAIN, &mode)
                }
                lock.unlock()
                sendSize()
            }
            sendSignal(SIGCONT)
        default: sendSignal(number)
        }
    }

    private func sendSignal(_ number: Int32) {
        try? connection.send(SignalRequest(number: UInt32(number)).frame())
    }

    private func sendSize() {
        guard let size = TerminalSize.current() else { return }
        try? connection.send(Resize(size: size).frame())
    }
}

/// The size of the terminal on our standard streams.
public enum TerminalSize {
    /// - Returns: nil when stdin is not a terminal.
    public static func current() -> ExecRequest.TerminalSize? {
        var size = winsize()
        guard ks_get_window_size(STDIN_FILENO, &size) == 0 else { return nil }
        return ExecRequest.TerminalSize(rows: size.ws_row, columns: size.ws_col)
    }
}
