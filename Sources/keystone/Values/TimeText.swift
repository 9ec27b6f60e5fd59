import FoundationEssentials
import SandboxController

/// Moments as people write them: `10m` (that long ago), `2026-11-21`, `2026-11-21 19:30`, `2026-11-21T19:30:00Z`.
enum TimeText {
    /// - Parameter source: begins the sentence: `--since`.
    /// - Throws: `usage` in one sentence.
    static func parse(_ text: String, source: String, now: Date = Date()) throws(ControllerError) -> Date {
        if let milliseconds = try? DurationText.milliseconds(text, source: source) {
            return now.addingTimeInterval(-Double(milliseconds) / 1000)
        }
        if let time = absolute(text) { return time }
        throw ControllerError(
            .usage, "\(source) \(PrintableText.quoted(text)) is not a time.",
            advice: "Write how long ago (10m, 1h30m), or a time: 2026-11-21, '2026-11-21 19:30', 2026-11-21T19:30:00Z.")
    }

    private static func absolute(_ text: String) -> Date? {
        guard text.utf8.count <= 40 else { return nil }
        let zoned = Date.ISO8601FormatStyle()
        if let time = try? zoned.parse(text) { return time }
        if let time = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text) { return time }
        // Without a zone it is the time that the clock on the wall shows.
        return LocalTime.date(text)
    }
}
