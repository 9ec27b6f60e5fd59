import Foundation

/// A line of `events.jsonl`, understood as far as it is shown.
public struct SandboxEvent: Sendable {
    /// As it is in the file, without its line feed.
    public let line: String
    public let time: String
    public let kind: EventKind
    /// What else it says, by key.
    public let details: [String: EventValue]

    /// Bytes of a line that is read; ours are far shorter.
    static let lineLimit = 256 * 1024

    /// - Returns: nil for what is no event, such as a line that a crash tore.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= SandboxEvent.lineLimit,
            let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let time = object["time"] as? String, let kind = object["event"] as? String
        else { return nil }
        line = String(decoding: bytes, as: UTF8.self)
        self.time = time
        self.kind = EventKind(rawValue: kind)
        var details: [String: EventValue] = [:]
        for (key, value) in object where key != "time" && key != "event" {
            if let text = value as? String { details[key] = .text(text) }
            if let number = value as? NSNumber, !(value is String) { details[key] = .number(number.doubleValue) }
            if let list = value as? [String] { details[key] = .list(list) }
        }
        self.details = details
    }
}
