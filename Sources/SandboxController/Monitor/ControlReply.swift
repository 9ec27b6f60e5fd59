import Glibc
import LinuxSystem

/// One visitor's connection: a request in, progress and one final answer out. Used by one thread at a time; a visitor
/// that has gone or does not read is no reason for anything to fail.
final class ControlReply: ProgressReporter, Sendable {
    private static let patience = 2_000
    /// For a request of a visitor who is ours: longer, because on a busy host a client may not run for seconds between
    /// its connect and its write (1 of 6,000 at load 10 lost its connection after 2 s).
    private static let requestPatience = 10_000
    private static let notePatience = 500
    private let socket: FileDescriptor

    init(_ socket: consuming FileDescriptor) { self.socket = socket }

    var rawDescriptor: Int32 { socket.rawValue }

    func readRequest() -> ControlMessage? {
        try? ControlMessage.read(from: socket, deadline: .after(milliseconds: ControlReply.requestPatience))
    }

    /// What a visitor adds once it is there to be read; nil when it has gone.
    func readNote() -> ControlMessage? {
        try? ControlMessage.read(from: socket, deadline: .after(milliseconds: ControlReply.notePatience))
    }

    func stage(_ text: String) { send(ControlMessage(.stage).with(.text, text)) }
    func warning(_ text: String) { send(ControlMessage(.warning).with(.text, text)) }
    func detail(_ text: String) { send(ControlMessage(.detail).with(.text, text)) }
    func finish(_ answer: ControlMessage = ControlMessage(.done)) { send(answer) }
    func fail(_ error: ControllerError) { send(.failure(error)) }

    /// One of many answers, for which a visitor may take any time: a pager may stand in between.
    /// - Returns: false when the visitor has gone.
    func update(_ message: ControlMessage) -> Bool {
        do throws(SystemError) {
            try message.write(to: socket, deadline: .never)
            return true
        } catch { return false }
    }

    private func send(_ message: ControlMessage) {
        try? message.write(to: socket, deadline: .after(milliseconds: ControlReply.patience))
    }
}
