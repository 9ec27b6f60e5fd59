import FoundationEssentials

/// `config.json`: a person's own defaults for new sandboxes, and what each start and `tokens rotate` gives to them.
///
/// There is one for everybody on a host, `/etc/keystone/agent/config.json` (host-module/nixos.nix writes it), and a person's own, whose
/// keys win, each as a whole.
///
/// ```json
/// { "backend": "qemu", "memory": "4G", "vcpus": 4, "nested": true, "network": "user", "shareSecurity": "none", "image": "minimal",
///   "gitName": "Ada", "gitEmail": "ada@example.org",
///   "tokens": { "GITHUB_TOKEN": { "env": "GITHUB_TOKEN" }, "OPENAI_API_KEY": false,
///               "ANTHROPIC_API_KEY": { "file": "/run/agenix/anthropic" }, "X_KEY": { "command": ["pass", "show", "x"] } },
///   "envFiles": [".env", ".env.local"] }
/// ```
public struct Configuration: Equatable, Sendable {
    public static let keys = [
        "backend", "cpuLimit", "envFiles", "gitEmail", "gitName", "idleTimeout", "image", "memory", "memoryLimit",
        "nested", "network", "persist", "shareSecurity", "tokens", "vcpus", "vsock",
    ]
    static let systemPath = "/etc/keystone/agent/config.json"

    public var settings = SettingsLayer()
    public var tokens = TokenSources()
    public var environmentFiles: [EnvironmentFilePattern] = []
    /// Sentences about what was ignored.
    public var warnings: [String] = []

    public init() {}

    /// - Returns: the empty configuration when there is no such file.
    /// - Throws: `configurationBroken` in a sentence with the key and the file.
    public static func read(environment: [String: String]) throws(ControllerError) -> Configuration {
        try read(paths: [systemPath, StateDirectory.configurationFolder { environment[$0] } + "/config.json"])
    }

    /// - Parameter paths: later ones win.
    static func read(paths: [String]) throws(ControllerError) -> Configuration {
        var result = Configuration()
        for path in paths { try result.add(path) }
        return result
    }

    private mutating func add(_ path: String) throws(ControllerError) {
        guard let bytes = try AtomicFile.read(path, limit: 1 << 20) else { return }
        guard let value = JSONValue(bytes) else {
            throw Self.broken("The configuration \(PrintableText.quoted(path)) is not JSON.", "Mend it or remove it.")
        }
        guard case .object(let entries) = value else {
            throw Self.broken(
                "The configuration \(PrintableText.quoted(path)) must be a JSON object.",
                "Begin it with { and end it with }.")
        }
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) { try take(key, value, path) }
    }

    private mutating func take(_ key: String, _ value: JSONValue, _ path: String) throws(ControllerError) {
        let source = "\(PrintableText.quoted(key)) in \(PrintableText.quoted(path))"
        do throws(ControllerError) {
            switch key {
            case "backend": try SettingTexts.backend(try Self.text(value, source), source: source)
            case "memory":
                // A bare number is MiB, so that "memory": 8192 says the same as --memory 8192.
                if case .number(let number) = value, let whole = Int(exactly: number) {
                    settings.memoryMebibytes = try MemorySize.parse(String(whole), source: source)
                } else {
                    settings.memoryMebibytes = try MemorySize.parse(try Self.text(value, source), source: source)
                }
            case "vcpus":
                guard case .number(let number) = value, let whole = Int(exactly: number) else {
                    throw Self.wrongType(source, "a whole number")
                }
                settings.processors = try SettingTexts.processors(String(whole), source: source)
            case "nested":
                settings.nested = try Self.flag(value, source)
            case "persist": settings.persists = try Self.flag(value, source)
            case "network": settings.network = try SettingTexts.network(try Self.text(value, source), source: source)
            case "shareSecurity":
                settings.shareSecurity = try SettingTexts.shareSecurity(try Self.text(value, source), source: source)
            case "image": settings.image = try SettingTexts.image(try Self.text(value, source), source: source)
            case "gitName":
                settings.gitName = try SettingTexts.gitIdentity(try Self.text(value, source), source: source)
            case "gitEmail":
                settings.gitEmail = try SettingTexts.gitIdentity(try Self.text(value, source), source: source)
            case "idleTimeout":
                settings.idleSeconds = try SettingTexts.idle(try Self.text(value, source), source: source)
            case "memoryLimit":
                settings.memoryLimitMebibytes = try SettingTexts.memoryLimit(
                    try Self.text(value, source), source: source)
            case "cpuLimit":
                settings.processorLimitPercent = try SettingTexts.processorLimit(
                    try Self.text(value, source), source: source)
            case "vsock": settings.vsock = try SettingTexts.vsock(try Self.text(value, source), source: source)
            case "tokens": tokens = try TokenSettings.sources(value, source)
            case "envFiles": environmentFiles = try TokenSettings.patterns(value, source)
            default:
                let near = Similarity.closest(to: key, among: Self.keys).map { "; did you mean \($0)?" } ?? "."
                warnings.append("\(source) is not a setting and is ignored\(near)")
            }
        } catch {
            throw ControllerError(.configurationBroken, error.message, advice: error.advice)
        }
    }

    static func text(_ value: JSONValue, _ source: String) throws(ControllerError) -> String {
        guard case .string(let text) = value else { throw wrongType(source, "a string") }
        return text
    }

    private static func flag(_ value: JSONValue, _ source: String) throws(ControllerError) -> Bool {
        guard case .bool(let flag) = value else { throw wrongType(source, "true or false") }
        return flag
    }

    static func wrongType(_ source: String, _ type: String) -> ControllerError {
        ControllerError(.configurationBroken, "\(source) must be \(type).")
    }

    private static func broken(_ message: String, _ advice: String) -> ControllerError {
        ControllerError(.configurationBroken, message, advice: advice)
    }
}
