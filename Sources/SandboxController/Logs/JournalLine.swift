import FoundationEssentials

/// A line of `journalctl --output=json` (systemd's Journal Export Formats, "Journal JSON Format").
enum JournalLine {
    static let fields = [
        "MESSAGE", "_SYSTEMD_UNIT", "UNIT", "SYSLOG_IDENTIFIER", "_COMM", "PRIORITY",
    ]

    /// The year 10000, in microseconds of Unix time.
    private static let latest: UInt64 = 253_402_300_800_000_000

    /// - Returns: nil for what is no entry, or has no text.
    static func parse(_ bytes: [UInt8]) -> LogLine? {
        guard let object = JSONValue(bytes)?.object,
            let microseconds = object["__REALTIME_TIMESTAMP"]?.text.flatMap({ UInt64($0) }),
            microseconds < Self.latest,
            let text = text(object["MESSAGE"]), !text.isEmpty
        else { return nil }
        // What systemd says about a unit names it in UNIT; what the unit says itself is of _SYSTEMD_UNIT.
        let names = ["UNIT", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_COMM"]
        let unit = names.lazy.compactMap { object[$0]?.text }.first ?? "unknown"
        let time = Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
        let isAgent = unit == GuestJournal.agentUnit
        return LogLine(
            time: time, source: isAgent ? .agent : .unit, unit: isAgent ? nil : String(unit.prefix(256)),
            text: String(text.prefix(LogLine.longest)))
    }

    /// Text that is not UTF-8 or has control characters comes as an array of bytes; more than a megabyte of it as null.
    private static func text(_ value: JSONValue?) -> String? {
        if let text = value?.text { return text }
        let bytes = value?.list?.prefix(LogLine.longest).map { UInt8(exactly: $0.number ?? -1) }
        guard let bytes, !bytes.contains(nil) else { return nil }
        return String(decoding: bytes.compactMap { $0 }, as: UTF8.self)
    }
}
