import FoundationEssentials
import SandboxController

/// A line of the timeline for people: time, who says it, what. Everything that others said is escaped.
struct LogText: Sendable {
    private let style: TextStyle
    private let offset: @Sendable (Date) -> Int
    /// Of the column that says who.
    private static let width = 8

    /// - Parameter offset: seconds that the clock of whoever reads it is ahead of Greenwich.
    init(_ style: TextStyle, offset: @escaping @Sendable (Date) -> Int = LocalTime.offset) {
        self.style = style
        self.offset = offset
    }

    func of(_ line: LogLine) -> String {
        let who = PrintableText.escaped(line.unit.map(short) ?? line.source.rawValue)
        let padded = who + String(repeating: " ", count: max(0, Self.width - who.count))
        return
            "\(style.dim(LocalTime.text(line.time, offset: offset(line.time)))) \(colour(padded, line.source)) \(PrintableText.escaped(Self.uncoloured(line.text)))\n"
    }

    private func short(_ unit: String) -> String { unit.hasSuffix(".service") ? String(unit.dropLast(8)) : unit }

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
