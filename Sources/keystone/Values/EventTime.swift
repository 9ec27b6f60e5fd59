import FoundationEssentials
import SandboxController

/// Points in time as people write them, as events have them.
enum EventTime {
    /// - Parameter text: a length of time that ends now (`10m`), or a time as in RFC 3339.
    /// - Returns: in the form of events' own times, which compare as texts.
    /// - Throws: `usage`.
    static func since(_ text: String, now: Date = Date()) throws(ControllerError) -> String {
        if let date = date(text) { return EventKind.time(date) }
        guard text.first?.isNumber == true, !text.contains("-") else { throw wrong(text) }
        do throws(ControllerError) {
            let milliseconds = try DurationText.milliseconds(text, source: "--since")
            return EventKind.time(now.addingTimeInterval(-Double(milliseconds) / 1000))
        } catch { throw wrong(text) }
    }

    private static func date(_ text: String) -> Date? {
        let plain = Date.ISO8601FormatStyle()
        return (try? plain.parse(text)) ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
    }

    private static func wrong(_ text: String) -> ControllerError {
        ControllerError(
            .usage, "--since \(PrintableText.quoted(text)) is neither a length of time nor a time.",
            advice: "Write 90, 10m, 1h30m, or 2026-11-21T19:00:00Z.")
    }
}
