import Foundation

/// When the monitor had the agent's hello, from the sandbox's `events.jsonl`.
enum HelloTime {
    /// - Returns: nanoseconds on `CLOCK_MONOTONIC`, of the newest boot; nil when the log does not tell.
    static func newest(_ eventsFile: String) -> UInt64? {
        guard let text = try? String(contentsOfFile: eventsFile, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n").reversed() {
            guard let event = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: String],
                event["event"] == "running"
            else { continue }
            return event["hello"].flatMap { UInt64($0) }
        }
        return nil
    }
}
