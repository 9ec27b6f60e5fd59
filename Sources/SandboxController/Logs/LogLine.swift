import FoundationEssentials

/// One line of a sandbox's timeline. What a guest says is as it said it: whoever prints it escapes it.
public struct LogLine: Equatable, Sendable {
    public enum Source: String, CaseIterable, Sendable {
        /// What the host did, from `events.jsonl`.
        case event
        /// The guest's serial console: its kernel and whatever writes there.
        case console
        /// The guest's agent, and what starts it in the minimal image.
        case agent
        /// QEMU and the vsock device.
        case machine
        /// The sandbox's monitor.
        case monitor
        /// A unit of the guest's systemd, from its journal.
        case unit
    }

    public let time: Date
    public let source: Source
    /// Of source `unit`: `sshd.service`, or the identifier of what is in no unit, such as `kernel`.
    public let unit: String?
    public let text: String

    public init(time: Date, source: Source, unit: String? = nil, text: String) {
        self.time = time
        self.source = source
        self.unit = unit
        self.text = text
    }

    /// Characters of a line; what is behind is cut, so that nobody's line fills a terminal or a memory.
    static let longest = 8192

    /// A line of the console: our own programs in the guest begin theirs with their names.
    static func console(_ text: String, _ time: Date) -> LogLine {
        for name in ["keystone-guest-agent: ", "keystone-init: "] where text.hasPrefix(name) {
            return LogLine(time: time, source: .agent, text: String(text.dropFirst(name.count)))
        }
        return LogLine(time: time, source: .console, text: text)
    }
}
