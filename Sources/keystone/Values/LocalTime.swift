import FoundationEssentials
import Glibc

/// The time on the wall, as the C library knows it. Foundation's own time zones need 30 MB of ICU.
enum LocalTime {
    /// Seconds that the wall is ahead of Greenwich at a moment.
    static func offset(at time: Date) -> Int {
        var seconds = time_t(time.timeIntervalSince1970.rounded(.down))
        var parts = tm()
        return localtime_r(&seconds, &parts) == nil ? 0 : parts.tm_gmtoff
    }

    /// `2026-11-21 19:30:00.123`.
    static func text(_ time: Date, offset: Int) -> String {
        let seconds = time.timeIntervalSince1970.rounded(.down)
        let text = Date(timeIntervalSince1970: seconds + Double(offset)).formatted(
            .iso8601.year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: false))
        let milliseconds = min(999, Int(((time.timeIntervalSince1970 - seconds) * 1000).rounded()))
        return text + "." + String(String(1000 + milliseconds).dropFirst())
    }

    /// A moment from what the wall shows: `2026-11-21`, with ` 19:30` or ` 19:30:05` or not; `T` for the space, too.
    /// - Returns: nil for what is not written so, or never shown, such as February 30th.
    static func date(_ text: String) -> Date? {
        let halves = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == " " || $0 == "T" }
        guard let day = numbers(halves[0], "-", counts: 3...3), halves[0].prefix(5).last == "-" else { return nil }
        var clock: [Int32] = [0, 0]
        if halves.count > 1 {
            guard let given = numbers(halves[1], ":", counts: 2...3) else { return nil }
            clock = given
        }
        var parts = tm()
        parts.tm_year = day[0] - 1900
        parts.tm_mon = day[1] - 1
        parts.tm_mday = day[2]
        parts.tm_hour = clock[0]
        parts.tm_min = clock[1]
        parts.tm_sec = clock.count > 2 ? clock[2] : 0
        parts.tm_isdst = -1
        let asked = parts
        let seconds = mktime(&parts)
        // It makes March 2nd of February 30th.
        guard parts.tm_mday == asked.tm_mday, parts.tm_mon == asked.tm_mon, asked.tm_hour < 24, asked.tm_min < 60,
            asked.tm_sec < 60
        else { return nil }
        return Date(timeIntervalSince1970: Double(seconds))
    }

    private static func numbers(_ text: Substring, _ separator: Character, counts: ClosedRange<Int>) -> [Int32]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard counts.contains(parts.count) else { return nil }
        let numbers = parts.compactMap { part in
            (1...4).contains(part.utf8.count) && part.utf8.allSatisfy { (48...57).contains($0) } ? Int32(part) : nil
        }
        return numbers.count == parts.count ? numbers : nil
    }
}
