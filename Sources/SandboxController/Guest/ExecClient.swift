import AgentProtocol
import FoundationEssentials
import Glibc
import LinuxSystem

public struct ExecClientOptions: Sendable {
    /// Our standard input feeds the command.
    public var interactive: Bool
    /// Our standard input is a terminal that becomes the command's.
    public var terminal: Bool
    /// Notes such as "output was cut" are left out.
    public var quiet: Bool

    public init(interactive: Bool, terminal: Bool, quiet: Bool = false) {
        self.interactive = interactive
        self.terminal = terminal
        self.quiet = quiet
    }
}

/// Runs one command in a sandbox with this process's standard streams, terminal and signals.
///
/// Concurrency: the calling thread reads frames and writes stdout and stderr, blocking as long as their readers do;
/// `ExecInput` feeds stdin within the window and passes signals and resizes on, on a second thread wherever the first may be
/// kept waiting by anything but the guest, so neither a full stdout nor unread input ever holds back a signal. The second
/// thread ends with the process or with `finish`.
public enum ExecClient {
    /// Seconds beyond its own time limit that a guest may take to say that a command was ended.
    static let timeoutGraceMilliseconds = 10_000

    /// - Returns: the exit code for our process: the command's, 128 + its signal, or 124, 126, 127.
    /// - Throws: our own failures, which are exit code 125.
    public static func run(
        _ connection: GuestConnection, request: ExecRequest, options: ExecClientOptions, in directory: StateDirectory,
        receipt: ExecReceipt? = nil
    ) throws(ControllerError) -> Int32 {
        var session: String?
        let code = try run(connection, request, options, directory) { session = $0 }
        if let session { receipt?.detached(session: session) } else { receipt?.ended(code: code) }
        return code
    }

    private static func run(
        _ connection: GuestConnection, _ request: ExecRequest, _ options: ExecClientOptions,
        _ directory: StateDirectory, detached: (String) -> Void
    ) throws(ControllerError) -> Int32 {
        Signals.ignoreBrokenPipe()
        let frame = request.frame()
        guard frame.count <= Limits.requestPayload + FrameHeader.size else {
            throw ControllerError(
                .usage,
                "The command's arguments and environment have \(frame.count) bytes, more than the \(Limits.requestPayload) that Linux takes.",
                advice: "Pass large data through stdin or a file.")
        }
        let input = try ExecInput(connection: connection, options: options)
        if options.terminal { input.enterRawMode() }
        defer { input.finish() }
        let limit =
            request.timeoutMilliseconds == 0
            ? Deadline.never
            : Deadline.after(milliseconds: Int(clamping: request.timeoutMilliseconds) + timeoutGraceMilliseconds)
        do throws(ControllerError) {
            let opening = Deadline.after(milliseconds: 30_000)
            try connection.begin(frame, deadline: opening) { () throws(ControllerError) in
                try input.begin()
                // That it took too long is told by what comes next.
                try? input.wait(for: connection.rawDescriptor, deadline: opening)
            }
            _ = try connection.readWelcome(deadline: .after(milliseconds: 30_000), waiting: input.wait)
            return try follow(
                connection, request: request, input: input, options: options, limit: limit, detached: detached)
        } catch {
            if error.code == .timeout, limit != .never, limit.hasPassed {
                note(options, "the guest did not end the command in time")
                return 124
            }
            if let signal = input.interruption { return 128 + signal }
            guard error.code == .agentGone, connection.isEstablished else { throw error }
            throw PeerLoss.explain(connection.endpoint.sandbox, in: directory)
        }
    }

    private static func follow(
        _ connection: GuestConnection, request: ExecRequest, input: ExecInput, options: ExecClientOptions,
        limit: Deadline, detached: (String) -> Void
    ) throws(ControllerError) -> Int32 {
        while true {
            let end = try connection.withNextFrame(deadline: limit, waiting: input.wait) {
                (frame) throws(ControllerError) -> Int32? in
                switch frame.kind {
                case .standardOutput: return try write(frame.payload, to: STDOUT_FILENO, connection, input)
                case .standardError: return try write(frame.payload, to: STDERR_FILENO, connection, input)
                case .started:
                    let started = try connection.decode(Started.self, frame)
                    if request.detached {
                        detached(started.sessionID)
                        print(PrintableText.escaped(started.sessionID))
                        return 0
                    }
                    input.commandStarted()
                case .standardInputWindow:
                    input.grant(Int(try connection.decode(StandardInputWindow.self, frame).grant))
                case .exit: return finish(try connection.decode(ExitReport.self, frame), options)
                case .failure:
                    let failure = try connection.decode(Failure.self, frame)
                    switch failure.code {
                    case .programNotFound, .programNotExecutable:
                        input.finish()
                        ErrorStream.say("keystone: \(PrintableText.escaped(failure.message))")
                        return failure.code == .programNotFound ? 127 : 126
                    default: throw connection.refusal(failure)
                    }
                default: break
                }
                return nil
            }
            if let end { return end }
        }
    }

    private static func finish(_ report: ExitReport, _ options: ExecClientOptions) -> Int32 {
        if report.outOfMemory {
            note(options, "the guest ran out of memory and its kernel killed a process of this command")
        }
        if report.truncated {
            note(options, "output was truncated: something the command started still holds its output open")
        }
        if report.timedOut { return 124 }
        switch report.outcome {
        case .code(let code): return Int32(code)
        case .signal(let number): return 128 + Int32(number)
        }
    }

    private static func note(_ options: ExecClientOptions, _ text: String) {
        if !options.quiet { ErrorStream.say("keystone: \(text)") }
    }

    /// - Returns: nil when written, else the exit code of a program whose reader has gone (128 + SIGPIPE), having told
    ///   the guest by closing the connection.
    private static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ connection: GuestConnection, _ input: ExecInput
    ) throws(ControllerError) -> Int32? {
        try input.prepareWrite(bytes.count, to: descriptor)
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Somebody made our stdout non-blocking; it is theirs to have, so we wait.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, -1)
            default:
                let code = errno
                connection.abort()
                if code == EPIPE { return 128 + SIGPIPE }
                let stream = descriptor == STDOUT_FILENO ? "output" : "error"
                ErrorStream.say(
                    "keystone: The command's standard \(stream) can't be written here (\(SystemError.message(for: code))), so it was ended."
                )
                return 125
            }
        }
        return nil
    }
}
