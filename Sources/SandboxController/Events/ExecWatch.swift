import Glibc
import LinuxSystem

/// Records commands as their clients tell them: at the beginning, with the question for the way to the agent, and at the end,
/// for which the client's connection stays open (`ReceiptWatch`).
///
/// Concurrency: visitors' threads begin; the thread of `receipts` tells of the end.
final class ExecWatch: Sendable {
    private let events: EventLog
    private let receipts: ReceiptWatch
    private let ended: @Sendable () -> Void

    /// - Parameters:
    ///   - receipts: of which there can't be more; of more commands only the beginning is recorded.
    ///   - ended: called when a command has run to its end.
    init(_ events: EventLog, _ receipts: ReceiptWatch, ended: @escaping @Sendable () -> Void) {
        self.events = events
        self.receipts = receipts
        self.ended = ended
    }

    /// To be called when the client has been answered, so that it need not wait for this.
    func begin(_ request: ControlMessage, _ reply: ControlReply, at began: UInt64) {
        guard let arguments = request.bytes(.arguments) else { return }
        let id = events.newID()
        var details: [String: EventValue] = [
            "id": .text(id), "argv": .list(ExecNote.arguments(arguments)),
        ]
        if let user = request.text(.user) { details["user"] = .text(user) }
        if let folder = request.text(.folder) { details["cwd"] = .text(folder) }
        if request.integer(.cut) == 1 { details["cut"] = .text("true") }
        events.record(.exec, details)
        receipts.hold(reply) { self.finish(id, began, $0) }
    }

    private func finish(_ id: String, _ began: UInt64, _ end: ControlMessage?) {
        var details: [String: EventValue] = ["id": .text(id), "seconds": .seconds(since: began)]
        guard let end else { return events.record(.execLost, details) }
        ended()
        if let session = end.text(.session) {
            details["session"] = .text(PrintableText.escaped(String(session.prefix(64))))
            return events.record(.execDetached, details)
        }
        details["exit"] = .number(Double(end.integer(.code) ?? -1))
        events.record(.execEnded, details)
    }
}

extension EventValue {
    /// To the millisecond.
    /// - Parameter began: nanoseconds on `CLOCK_MONOTONIC`.
    static func seconds(since began: UInt64) -> EventValue {
        .number((Double(Deadline.now() - began) / 1e6).rounded() / 1000)
    }
}
