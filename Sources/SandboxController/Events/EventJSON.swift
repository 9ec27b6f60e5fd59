import FoundationEssentials

/// One event as a line of JSON, `{"event":…,"start":…,"time":…,…}` with its keys in order.
///
/// Made by hand: a coder costs a hundred times as much, and leaves characters alone that drive terminals (C1 controls,
/// bidirectional overrides), which whoever prints the file as it is must not meet.
public enum EventValue: Equatable, Sendable {
    case text(String)
    case number(Double)
    case list([String])

    fileprivate func write(to line: inout String) {
        switch self {
        case .text(let text): EventJSON.quote(text, &line)
        case .number(let number):
            line += number.rounded() == number && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
        case .list(let texts):
            line += "["
            for (index, text) in texts.enumerated() {
                if index > 0 { line += "," }
                EventJSON.quote(text, &line)
            }
            line += "]"
        }
    }
}

enum EventJSON {
    /// With its line feed.
    static func make(_ kind: EventKind, _ details: [String: EventValue], time: String, start: String) -> [UInt8] {
        var all = details
        all["event"] = .text(kind.rawValue)
        all["time"] = .text(time)
        all["start"] = .text(start)
        var line = "{"
        for (index, key) in all.keys.sorted().enumerated() {
            if index > 0 { line += "," }
            quote(key, &line)
            line += ":"
            all[key]?.write(to: &line)
        }
        return Array((line + "}\n").utf8)
    }

    /// As `time` has it, so that times compare as texts: `2026-11-21T19:15:18.123Z`.
    static func time(_ date: Date) -> String {
        date.formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
    }

    fileprivate static func quote(_ text: String, _ line: inout String) {
        line += "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: line += "\\\""
            case 0x5C: line += "\\\\"
            case 0x0A: line += "\\n"
            case _ where PrintableText.isUnsafe(scalar):
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
        line += "\""
    }
}
