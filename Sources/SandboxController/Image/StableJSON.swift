import FoundationEssentials

/// JSON whose bytes depend on nothing but the value: sorted keys, as `jq -S` writes it.
enum StableJSON {
    static func encode(_ value: some Encodable, pretty: Bool = false) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        // Only floating-point values that JSON has no word for can fail, and none of our types has any.
        return (try? encoder.encode(value)).map(Array.init) ?? []
    }
}
