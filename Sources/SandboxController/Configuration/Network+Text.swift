extension SandboxSettings.Network {
    /// As `--network` takes it, and as files keep it.
    public var text: String {
        switch self {
        case .user: "user"
        case .none: "none"
        case .tap(let interface): "tap:\(interface)"
        case .bridge(let name): "bridge:\(name)"
        }
    }

    public init(from decoder: any Decoder) throws {
        self = try SettingTexts.network(try decoder.singleValueContainer().decode(String.self), source: "network")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
