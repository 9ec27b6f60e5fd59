/// Lengths of time as people write them: `90` (seconds), `500ms`, `1.5s`, `5m`, `1h30m`.
public enum DurationText {
    /// About 24 days: what fits `poll(2)`'s milliseconds, and longer than anybody waits.
    public static let maximumMilliseconds = Int(Int32.max)

    /// - Parameter source: begins the sentence: `--timeout`.
    /// - Returns: milliseconds, at least 1.
    /// - Throws: `usage` in one sentence.
    public static func milliseconds(_ text: String, source: String) throws(ControllerError) -> Int {
        guard let amount = amount(text) else {
            throw ControllerError(
                .usage, "\(source) \(PrintableText.quoted(text)) is not a length of time.",
                advice: "Write seconds as a number, or numbers with ms, s, m or h: 90, 500ms, 5m, 1h30m.")
        }
        guard amount >= 1, amount <= Double(maximumMilliseconds) else {
            throw ControllerError(.usage, "\(source) \(PrintableText.quoted(text)) is out of range: from 1ms to 596h.")
        }
        return Int(amount)
    }

    /// Whole seconds, rounded up.
    public static func seconds(_ text: String, source: String) throws(ControllerError) -> Int {
        (try milliseconds(text, source: source) + 999) / 1000
    }

    /// As people read it: `0.4 s`, `12 s`, `3 m 5 s`, `2 h 10 m`, `3 d 4 h`.
    public static func text(seconds: Double) -> String {
        let whole = Int(max(0, seconds))
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return "\(whole / 60) m \(whole % 60) s"
        case ..<86400: return "\(whole / 3600) h \(whole % 3600 / 60) m"
        default: return "\(whole / 86400) d \(whole % 86400 / 3600) h"
        }
    }

    private static func amount(_ text: String) -> Double? {
        guard !text.isEmpty, text.utf8.count <= 32 else { return nil }
        var rest = Substring(text)
        var total = 0.0
        var smallest = Double.infinity
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard number.first?.isNumber == true, number.last != ".", let value = Double(number) else { return nil }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            let factor: Double
            switch unit {
            case "ms": factor = 1
            case "s": factor = 1000
            case "m", "min": factor = 60_000
            case "h": factor = 3_600_000
            case "" where number.count == text.count: factor = 1000
            default: return nil
            }
            // From large to small, each once: "1h30m", not "30m1h" or "1m1m".
            guard factor < smallest else { return nil }
            smallest = factor
            total += value * factor
        }
        return total
    }
}
