import Glibc
import LinuxSystem

/// The way from the monitor to whoever started it: stages, warnings and one final word. When they are gone the monitor
/// goes on: a killed `start` does not undo the start, a cancelled one does. The main thread only.
final class StartChannel: ProgressReporter, @unchecked Sendable {
    private let reply: ControlReply
    private(set) var isOpen = true
    var rawDescriptor: Int32 { isOpen ? reply.rawDescriptor : -1 }
    private let events: EventLog

    init(_ socket: consuming FileDescriptor, events: EventLog) {
        reply = ControlReply(socket)
        self.events = events
    }

    /// The first message, which says what is not written down anywhere.
    /// - Throws: `cancelled` when whoever started us left before, or changed their mind.
    func readOrders() throws(ControllerError) -> StartOrders {
        // The first word: whoever started us through systemd knows by it that we run.
        detail("the monitor is process \(getpid())")
        guard let orders = reply.readRequest().flatMap({ StartOrders($0) }) else {
            throw ControllerError(.cancelled, "The start was given up before it began.")
        }
        return orders
    }

    func stage(_ text: String) {
        events.append("stage", ["stage": text])
        if isOpen { reply.stage(text) }
    }

    func warning(_ text: String) {
        events.append("warning", ["text": text])
        if isOpen { reply.warning(text) }
    }

    func detail(_ text: String) { if isOpen { reply.detail(text) } }

    func finish(_ answer: ControlMessage) {
        if isOpen { reply.finish(answer) }
        isOpen = false
    }

    /// The other side wrote or left. - Returns: whether it asked to cancel.
    func readRequest() -> Bool {
        guard let request = reply.readRequest() else {
            isOpen = false
            return false
        }
        return request.kind == .cancel
    }
}
