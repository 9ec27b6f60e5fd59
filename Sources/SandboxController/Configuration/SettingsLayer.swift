/// Settings of which each may be left open: from flags, from the environment, from `config.json`.
///
/// What counts, first to last: flag, environment, what the sandbox was made with, `config.json`, built-in default.
public struct SettingsLayer: Equatable, Sendable {
    public var memoryMebibytes: Int?
    public var processors: Int?
    public var nested: Bool?
    public var network: SandboxSettings.Network?
    public var shareSecurity: Choice<SandboxSettings.ShareSecurity>?
    public var accelerator: Choice<SandboxSettings.Accelerator>?
    public var image: String?
    public var gitName: String?
    public var gitEmail: String?
    public var vsock: Choice<SandboxSettings.Vsock>?
    /// Automatic is never.
    public var idleSeconds: Choice<Int>?
    public var persists: Bool?
    /// Automatic is none.
    public var memoryLimitMebibytes: Choice<Int>?
    public var processorLimitPercent: Choice<Int>?

    public init() {}

    /// The `KEYSTONE_AGENT_…` variables; empty ones count as not set.
    public init(environment: [String: String]) throws(ControllerError) {
        func value(_ name: String) -> (text: String, source: String)? {
            environment["KEYSTONE_AGENT_" + name].flatMap { $0.isEmpty ? nil : ($0, "KEYSTONE_AGENT_" + name) }
        }
        if let backend = value("BACKEND") { try SettingTexts.backend(backend.text, source: backend.source) }
        if let memory = value("MEMORY") { memoryMebibytes = try MemorySize.parse(memory.text, source: memory.source) }
        if let count = value("VCPUS") { processors = try SettingTexts.processors(count.text, source: count.source) }
    }

    /// - Parameter existing: what a known sandbox was made with, nil for a new one.
    public static func resolve(
        flags: SettingsLayer, environment: SettingsLayer, existing: SandboxSettings?, configuration: SettingsLayer
    ) -> SandboxSettings {
        let base = existing ?? configuration.applied(to: SandboxSettings())
        return flags.applied(to: environment.applied(to: base))
    }

    private func applied(to base: SandboxSettings) -> SandboxSettings {
        var result = base
        if let memoryMebibytes { result.memoryMebibytes = memoryMebibytes }
        if let processors { result.processors = processors }
        if let nested { result.nested = nested }
        if let network { result.network = network }
        if let shareSecurity { result.shareSecurity = shareSecurity.value }
        if let accelerator { result.accelerator = accelerator.value }
        if let image { result.image = image }
        if let gitName { result.gitName = gitName }
        if let gitEmail { result.gitEmail = gitEmail }
        if let vsock { result.vsock = vsock.value }
        if let idleSeconds { result.idleSeconds = idleSeconds.value }
        if let persists { result.persists = persists }
        if let memoryLimitMebibytes { result.limits.memoryMebibytes = memoryLimitMebibytes.value }
        if let processorLimitPercent { result.limits.processorPercent = processorLimitPercent.value }
        return result
    }
}
