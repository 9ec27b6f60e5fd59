/// `NAME=value` entries that come from several givers.
enum EnvironmentLayers {
    /// Those of `lower` that `upper` does not give itself, then those of `upper`.
    static func merge(_ lower: [[UInt8]], _ upper: [[UInt8]]) -> [[UInt8]] {
        if lower.isEmpty { return upper }
        if upper.isEmpty { return lower }
        let names = Set(upper.map(name))
        return lower.filter { !names.contains(name($0)) } + upper
    }

    private static func name(_ entry: [UInt8]) -> ArraySlice<UInt8> { entry.prefix { $0 != UInt8(ascii: "=") } }
}
