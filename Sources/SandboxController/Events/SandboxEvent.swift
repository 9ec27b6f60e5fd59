import FoundationEssentials

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
            let object = JSONValue(bytes)?.object,
            let time = object["time"]?.text, let kind = object["event"]?.text
        else { return nil }
        line = String(decoding: bytes, as: UTF8.self)
        self.time = time
        self.kind = EventKind(rawValue: kind)
        var details: [String: EventValue] = [:]
        for (key, value) in object where key != "time" && key != "event" {
            if let text = value.text { details[key] = .text(text) }
            if let number = value.number { details[key] = .number(number) }
            if let list = value.list {
                let texts = list.compactMap(\.text)
                if texts.count == list.count { details[key] = .list(texts) }
            }
        }
        self.details = details
    }
}
