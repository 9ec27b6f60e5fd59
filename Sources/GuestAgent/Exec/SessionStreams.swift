import AgentProtocol
import Glibc
import LinuxSystem

/// The descriptors between a command and its session: pipes, or one terminal.
struct SessionStreams: ~Copyable {
    /// The command's 0, 1 and 2. The output ends stay open here until the command has ended: its closing them would
    /// otherwise wake the session for nothing just before its end does.
    let childDescriptors: [Int32]
    private var childInput: FileDescriptor
    private var childOutput: FileDescriptor
    private var childErrors: FileDescriptor
    private var inputPipe: FileDescriptor
    private var output: FileDescriptor
    private var errors: FileDescriptor
    let hasTerminal: Bool

    init(_ request: ExecRequest, user: CommandUser, system: GuestSystem) throws(Refusal) {
        do throws(SystemError) {
            if let size = request.terminal {
                self = try SessionStreams(terminal: size, user: user)
            } else {
                self = try SessionStreams(
                    pipesWithInput: request.standardInput == .stream && !request.detached, system: system)
            }
        } catch {
            throw Refusal("The command's input and output can't be set up", error)
        }
    }

    private init(terminal size: ExecRequest.TerminalSize, user: CommandUser) throws(SystemError) {
        let terminal = try PseudoTerminal(
            rows: size.rows, columns: size.columns, owner: user.userID, group: 5 /* tty */)
        let end = terminal.secondary.rawValue
        childDescriptors = [end, end, end]
        hasTerminal = true
        childInput = FileDescriptor(owning: -1)
        childErrors = FileDescriptor(owning: -1)
        inputPipe = FileDescriptor(owning: -1)
        errors = FileDescriptor(owning: -1)
        childOutput = terminal.secondary
        output = terminal.primary
    }

    private init(pipesWithInput: Bool, system: GuestSystem) throws(SystemError) {
        let outputPipe = try FileDescriptor.pipe()
        let errorsPipe = try FileDescriptor.pipe()
        // Our ends only: O_NONBLOCK on the command's would surprise it. Reading must never wait, since a command can
        // open its own pipe and read it empty.
        try outputPipe.first.setPipeEndNonBlocking()
        try errorsPipe.first.setPipeEndNonBlocking()
        var (reader, writer): (Int32, Int32) = (-1, -1)
        if pipesWithInput {
            let pipe = try FileDescriptor.pipe()
            try pipe.second.setPipeEndNonBlocking()
            let first = pipe.first
            let second = pipe.second
            reader = first.release()
            writer = second.release()
        }
        childDescriptors = [
            reader >= 0 ? reader : system.nothing.rawValue, outputPipe.second.rawValue, errorsPipe.second.rawValue,
        ]
        hasTerminal = false
        childInput = FileDescriptor(owning: reader)
        inputPipe = FileDescriptor(owning: writer)
        childOutput = outputPipe.second
        output = outputPipe.first
        childErrors = errorsPipe.second
        errors = errorsPipe.first
    }

    /// At once: a write to a stdin that the command has closed must fail.
    mutating func closeInputEnd() { childInput = FileDescriptor(owning: -1) }

    mutating func closeOutputEnds() {
        childOutput = FileDescriptor(owning: -1)
        childErrors = FileDescriptor(owning: -1)
    }

    mutating func takeInput() -> InputStream {
        if hasTerminal { return InputStream(.terminal(output.rawValue)) }
        guard inputPipe.rawValue >= 0 else { return InputStream(.closed) }
        return InputStream(.pipe(SessionStreams.take(&inputPipe)))
    }

    mutating func takeOutput() -> OutputStream { OutputStream(.standardOutput, SessionStreams.take(&output)) }
    mutating func takeErrors() -> OutputStream { OutputStream(.standardError, SessionStreams.take(&errors)) }

    private static func take(_ descriptor: inout FileDescriptor) -> FileDescriptor {
        var taken = FileDescriptor(owning: -1)
        swap(&taken, &descriptor)
        return taken
    }
}
