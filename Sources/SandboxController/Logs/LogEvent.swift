import Foundation

/// A line of `events.jsonl` for the timeline: its event's name, and everything else it says as `name=value`.
enum LogEvent {
    static func parse(_ text: String) -> LogLine? {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any],
            let event = object["event"] as? String, let time = (object["time"] as? String).flatMap(time)
        else { return nil }
        let details = object.filter { $0.key != "event" && $0.key != "time" }.sorted { $0.key < $1.key }
        let words = details.map { "\($0.key)=\(value($0.value))" }
        return LogLine(time: time, source: .event, text: ([event] + words).joined(separator: " "))
    }

    private static func value(_ value: Any) -> String {
        switch value {
        case let text as String: text.contains(" ") || text.isEmpty ? "\"\(text)\"" : text
        case let number as NSNumber: number.stringValue
        case let list as [Any]: "[" + list.map(Self.value).joined(separator: " ") + "]"
        default: "\(value)"
        }
    }

    /// ISO 8601 with a fraction, or without.
    static func time(_ text: String) -> Date? {
        let style = Date.ISO8601FormatStyle()
        return
            (try? style.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted)
            .parse(text)) ?? (try? style.parse(text))
    }
}
