import Foundation
import SandboxController

/// A line of the timeline for people: time, who says it, what. Everything that others said is escaped.
struct LogText: Sendable {
    private let style: TextStyle
    private let zone: TimeZone
    /// Of the column that says who.
    private static let width = 8

    init(_ style: TextStyle, zone: TimeZone = .current) {
        self.style = style
        self.zone = zone
    }

    func of(_ line: LogLine) -> String {
        let who = PrintableText.escaped(line.unit.map(short) ?? line.source.rawValue)
        let padded = who + String(repeating: " ", count: max(0, Self.width - who.count))
        return
            "\(style.dim(time(line.time))) \(colour(padded, line.source)) \(PrintableText.escaped(Self.uncoloured(line.text)))\n"
    }

    private func short(_ unit: String) -> String { unit.hasSuffix(".service") ? String(unit.dropLast(8)) : unit }

    /// `2026-11-21 19:30:00.123`, in the zone of whoever reads it.
    private func time(_ time: Date) -> String {
        let seconds = time.timeIntervalSince1970.rounded(.down)
        let local = seconds + Double(zone.secondsFromGMT(for: time))
        let text = Date(timeIntervalSince1970: local).formatted(
            .iso8601.year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: false))
        let milliseconds = Int((time.timeIntervalSince1970 - seconds) * 1000)
        return text + "." + String(String(1000 + milliseconds).dropFirst())
    }

    private func colour(_ text: String, _ source: LogLine.Source) -> String {
        switch source {
        case .event: style.cyan(text)
        case .console, .unit: style.green(text)
        case .agent: style.bold(text)
        case .machine, .monitor: style.yellow(text)
        }
    }

    /// Without the colours that programs give their lines (SGR of ECMA-48), which would be escaped to noise.
    static func uncoloured(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "\u{1B}") {
            result += rest[..<start]
            let sequence = rest[start...].dropFirst()
            let body = sequence.dropFirst().prefix { $0.isNumber || $0 == ";" }
            if sequence.first == "[", sequence.dropFirst(1 + body.count).first == "m" {
                rest = sequence.dropFirst(2 + body.count)
            } else {
                result.append("\u{1B}")
                rest = sequence
            }
        }
        return result + rest
    }
}

/// A line of the timeline as `--json` shows it: one object a line.
struct LogDocument: Encodable {
    let time, source: String
    let unit: String?
    let text: String

    init(_ line: LogLine) {
        time = line.time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        source = line.source.rawValue
        unit = line.unit
        text = line.text
    }

    var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ((try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}") + "\n"
    }
}
