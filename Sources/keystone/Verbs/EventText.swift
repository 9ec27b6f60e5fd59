import FoundationEssentials
import SandboxController

/// An event as a line for people: the local time, its kind, what matters of it.
enum EventText {
    static func line(_ event: SandboxEvent, _ style: TextStyle) -> String {
        let kind = PrintableText.escaped(event.kind.rawValue)
        let padding = String(repeating: " ", count: max(1, 17 - kind.count))
        return "\(style.dim(time(event.time)))  \(paint(event, kind, style))\(padding)\(details(event))\n"
    }

    private static func paint(_ event: SandboxEvent, _ kind: String, _ style: TextStyle) -> String {
        switch event.kind {
        case .failed, .provisionFailed, .agentLost, .execLost: style.red(kind)
        case .running, .agentReturned: style.green(kind)
        case .warning, .health: style.yellow(kind)
        default: kind
        }
    }

    /// Words of a command as a shell would need them; everything else as `key=value`, in the order of keys.
    private static func details(_ event: SandboxEvent) -> String {
        var details = event.details
        details["start"] = nil
        var parts: [String] = []
        if let id = details.removeValue(forKey: "id"), case .text(let text) = id {
            parts.append(PrintableText.escaped(text))
        }
        if case .list(let words)? = details.removeValue(forKey: "argv") {
            parts.append(words.map(word).joined(separator: " "))
        }
        for key in ["stage", "text", "reason"] {
            if case .text(let text)? = details.removeValue(forKey: key) { parts.append(PrintableText.escaped(text)) }
        }
        for key in details.keys.sorted() {
            guard let value = details[key] else { continue }
            let text = self.text(value)
            if !text.isEmpty { parts.append("\(PrintableText.escaped(key))=\(text)") }
        }
        return parts.joined(separator: "  ")
    }

    private static func text(_ value: EventValue) -> String {
        switch value {
        case .text(let text): word(text)
        case .number(let number): number.rounded() == number ? "\(Int(exactly: number) ?? 0)" : "\(number)"
        case .list(let list): list.map(word).joined(separator: ",")
        }
    }

    private static func word(_ text: String) -> String {
        let safe = PrintableText.escaped(text)
        let isPlain = !safe.isEmpty && safe.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,+@%^".contains($0) }
        if isPlain { return safe }
        return "'" + safe.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func time(_ text: String) -> String {
        guard let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text) else {
            return PrintableText.escaped(text)
        }
        return LocalTime.text(date, offset: LocalTime.offset(at: date))
    }
}
