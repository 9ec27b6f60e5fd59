import FoundationEssentials

/// A line of `events.jsonl` for the timeline: its event's name, and everything else it says as `name=value`.
enum LogEvent {
    static func parse(_ text: String) -> LogLine? {
        guard let object = JSONValue(text.utf8)?.object,
            let event = object["event"]?.text, let time = object["time"]?.text.flatMap(time)
        else { return nil }
        let details = object.filter { $0.key != "event" && $0.key != "time" }.sorted { $0.key < $1.key }
        let words = details.map { "\($0.key)=\(value($0.value))" }
        return LogLine(time: time, source: .event, text: ([event] + words).joined(separator: " "))
    }

    private static func value(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text.contains(" ") || text.isEmpty ? "\"\(text)\"" : text
        case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .array(let list): "[" + list.map(Self.value).joined(separator: " ") + "]"
        case .bool(let flag): flag ? "true" : "false"
        case .null: "null"
        case .object: "{…}"
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
