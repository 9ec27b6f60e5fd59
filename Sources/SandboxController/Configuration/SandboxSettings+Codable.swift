/// Settings as the registry keeps them. What is missing has its default and what is unknown is passed over, so that a
/// version with one setting more or less still reads the sandboxes of another.
extension SandboxSettings {
    private enum CodingKeys: String, CodingKey {
        case memoryMebibytes, processors, nested, network, shareSecurity, accelerator, image, gitName, gitEmail, vsock,
            idleSeconds, persists
        case memoryLimitMebibytes, processorLimitPercent
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let standard = SandboxSettings()
        self.init(
            memoryMebibytes: try values.decodeIfPresent(Int.self, forKey: .memoryMebibytes) ?? standard.memoryMebibytes,
            processors: try values.decodeIfPresent(Int.self, forKey: .processors) ?? standard.processors,
            nested: try values.decodeIfPresent(Bool.self, forKey: .nested) ?? standard.nested,
            network: try values.decodeIfPresent(Network.self, forKey: .network) ?? standard.network,
            shareSecurity: try values.decodeIfPresent(ShareSecurity.self, forKey: .shareSecurity),
            accelerator: try values.decodeIfPresent(Accelerator.self, forKey: .accelerator),
            image: try values.decodeIfPresent(String.self, forKey: .image),
            gitName: try values.decodeIfPresent(String.self, forKey: .gitName),
            gitEmail: try values.decodeIfPresent(String.self, forKey: .gitEmail),
            vsock: try values.decodeIfPresent(Vsock.self, forKey: .vsock))
        idleSeconds = try values.decodeIfPresent(Int.self, forKey: .idleSeconds)
        persists = try values.decodeIfPresent(Bool.self, forKey: .persists) ?? standard.persists
        limits.memoryMebibytes = try values.decodeIfPresent(Int.self, forKey: .memoryLimitMebibytes)
        limits.processorPercent = try values.decodeIfPresent(Int.self, forKey: .processorLimitPercent)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(memoryMebibytes, forKey: .memoryMebibytes)
        try values.encode(processors, forKey: .processors)
        try values.encode(nested, forKey: .nested)
        try values.encode(network, forKey: .network)
        try values.encodeIfPresent(shareSecurity, forKey: .shareSecurity)
        try values.encodeIfPresent(accelerator, forKey: .accelerator)
        try values.encodeIfPresent(image, forKey: .image)
        try values.encodeIfPresent(gitName, forKey: .gitName)
        try values.encodeIfPresent(gitEmail, forKey: .gitEmail)
        try values.encodeIfPresent(vsock, forKey: .vsock)
        try values.encodeIfPresent(idleSeconds, forKey: .idleSeconds)
        try values.encode(persists, forKey: .persists)
        try values.encodeIfPresent(limits.memoryMebibytes, forKey: .memoryLimitMebibytes)
        try values.encodeIfPresent(limits.processorPercent, forKey: .processorLimitPercent)
    }
}
