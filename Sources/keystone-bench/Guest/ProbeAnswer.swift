/// What a probe printed.
enum ProbeAnswer {
    /// The number behind `key`: in `median 5210` or `median=5210µs`.
    static func number(_ key: String, in text: String) -> Double? {
        let words = text.split { $0.isWhitespace || $0 == "=" || $0 == ":" || $0 == "," }
        guard let place = words.firstIndex(where: { $0 == key }), place + 1 < words.count else { return nil }
        return Double(words[place + 1].prefix { $0.isNumber || $0 == "." })
    }
}
