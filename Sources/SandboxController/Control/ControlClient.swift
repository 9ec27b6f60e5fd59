import AgentProtocol
import Glibc
import LinuxSystem

/// Asks a sandbox's monitor. That the connection succeeds is itself the proof that the monitor lives.
struct ControlClient: ~Copyable {
    private let socket: FileDescriptor

    /// - Throws: `ENOENT` or `ECONNREFUSED` when no monitor listens.
    init(sandbox name: String, in directory: StateDirectory, deadline: Deadline) throws(SystemError) {
        socket = try UnixSocket.connect(to: directory.controlSocket(name), deadline: deadline)
    }

    /// Sends one request and reads to its final answer.
    /// - Throws: what the monitor answered, or `monitorGone`/`timeout`.
    consuming func ask(
        _ request: ControlMessage, deadline: Deadline, progress: any ProgressReporter = SilentProgress()
    ) throws(ControllerError) -> ControlMessage {
        try askAndStay(request, deadline: deadline, progress: progress)
    }

    /// The same, and the connection stays.
    borrowing func askAndStay(
        _ request: ControlMessage, deadline: Deadline, progress: any ProgressReporter = SilentProgress()
    ) throws(ControllerError) -> ControlMessage {
        do throws(SystemError) {
            try request.write(to: socket, deadline: deadline)
        } catch {
            throw ControlClient.failure(error)
        }
        return try answer(deadline: deadline, progress: progress)
    }

    /// To poll for what the monitor says by itself, or for its end.
    var rawDescriptor: Int32 { socket.rawValue }

    /// Reads stages, warnings and details until the answer that ends what was asked or told.
    borrowing func answer(
        deadline: Deadline, progress: any ProgressReporter = SilentProgress()
    ) throws(ControllerError) -> ControlMessage {
        while true {
            if let answer = try ControlClient.readOne(from: socket, deadline: deadline, progress: progress) {
                return answer
            }
        }
    }

    /// Says something; an answer, if there is one, is not waited for. That nobody hears it any more is no failure.
    borrowing func tell(_ message: ControlMessage) {
        try? message.write(to: socket, deadline: .after(milliseconds: 1_000))
    }

    /// Reads one message. - Returns: nil when it was progress, which has been passed on.
    static func readOne(
        from socket: borrowing FileDescriptor, deadline: Deadline, progress: any ProgressReporter
    ) throws(ControllerError) -> ControlMessage? {
        let message: ControlMessage?
        do throws(SystemError) {
            message = try ControlMessage.read(from: socket, deadline: deadline)
        } catch {
            throw failure(error)
        }
        guard let message else {
            throw ControllerError(
                .monitorGone, "The sandbox's monitor ended before it answered.",
                advice: "See monitor.log in the sandbox's state folder.")
        }
        switch message.kind {
        case .stage: progress.stage(message.text(.text) ?? "")
        case .warning: progress.warning(message.text(.text) ?? "")
        case .detail: progress.detail(message.text(.text) ?? "")
        case .done: return message
        case .failed: throw message.error
        case .update: return nil
        case .access, .describe, .stop, .cancel, .begin, .provision, .listTokens, .changeTokens, .health, .watchHealth,
            .ended, .environment:
            throw ControllerError(.internal, "The monitor answered with a request.")
        }
        return nil
    }

    /// Sends one request and hands over each `update` until the final answer, the monitor's end, or until `body` says that it
    /// is enough.
    /// - Throws: what the monitor answered, and what `body` throws.
    consuming func follow(
        _ request: ControlMessage, _ body: (ControlMessage) throws(ControllerError) -> Bool
    ) throws(ControllerError) {
        do throws(SystemError) {
            try request.write(to: socket, deadline: .after(milliseconds: 5_000))
        } catch { throw ControlClient.failure(error) }
        while let message = try ControlClient.next(from: socket) {
            switch message.kind {
            case .update: if !(try body(message)) { return }
            case .failed: throw message.error
            default: return
            }
        }
    }

    private static func next(from socket: borrowing FileDescriptor) throws(ControllerError) -> ControlMessage? {
        do throws(SystemError) { return try ControlMessage.read(from: socket, deadline: .never) } catch {
            if error.code == ECONNRESET { return nil }
            throw failure(error)
        }
    }

    private static func failure(_ error: SystemError) -> ControllerError {
        if error.code == ETIMEDOUT { return ControllerError(.timeout, "The sandbox's monitor did not answer in time.") }
        return ControllerError(.monitorGone, "The connection to the sandbox's monitor failed: \(error.reason).")
    }
}
