/// How settings are written, the same in flags, in the environment and in `config.json`. `source` begins the sentence.
public enum SettingTexts {
    public static let maximumProcessors = MachineCommandLine.maximumProcessors
    /// The backends of this version.
    public static let backends = ["qemu"]

    public static func processors(_ text: String, source: String) throws(ControllerError) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let count = Int(text),
            (1...maximumProcessors).contains(count)
        else {
            throw ControllerError(
                .usage,
                "\(source) \(PrintableText.quoted(text)) is not a number of processors from 1 to \(maximumProcessors).")
        }
        return count
    }

    /// `user`, `none`, `tap[:INTERFACE]` or `bridge[:BRIDGE]`.
    public static func network(_ text: String, source: String) throws(ControllerError) -> SandboxSettings.Network {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count > 1 ? parts[1] : nil) {
        case ("user", nil): return .user
        case ("none", nil): return .none
        case ("tap", let name): return .tap(interface: try interface(name ?? "tap0", source))
        case ("bridge", let name): return .bridge(name: try interface(name ?? "virbr0", source))
        default:
            throw ControllerError(
                .usage, "\(source) \(PrintableText.quoted(text)) is not a network.",
                advice: "Choose user, none, tap, tap:INTERFACE, bridge or bridge:BRIDGE.")
        }
    }

    public static func shareSecurity(_ text: String, source: String) throws(ControllerError) -> Choice<
        SandboxSettings.ShareSecurity
    > {
        try choice(text, source: source)
    }

    public static func accelerator(_ text: String, source: String) throws(ControllerError) -> Choice<
        SandboxSettings.Accelerator
    > {
        try choice(text, source: source)
    }

    public static func vsock(_ text: String, source: String) throws(ControllerError) -> Choice<SandboxSettings.Vsock> {
        try choice(text, source: source)
    }

    /// A length of time, or `never`.
    public static func idle(_ text: String, source: String) throws(ControllerError) -> Choice<Int> {
        text == "never" ? .automatic : .chosen(try DurationText.seconds(text, source: source))
    }

    /// An amount of memory, or `none`.
    public static func memoryLimit(_ text: String, source: String) throws(ControllerError) -> Choice<Int> {
        text == "none" ? .automatic : .chosen(try MemorySize.parse(text, source: source))
    }

    /// A number of processors such as `1.5`, at least 0.1, or `none`. - Returns: hundredths.
    public static func processorLimit(_ text: String, source: String) throws(ControllerError) -> Choice<Int> {
        if text == "none" { return .automatic }
        let isNumber = text.utf8.count <= 8 && text.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || $0 == 46 }
        guard isNumber, let number = Double(text), number >= 0.1, number <= Double(maximumProcessors) else {
            throw ControllerError(
                .usage, "\(source) \(PrintableText.quoted(text)) is not a number of processors.",
                advice: "Write one such as 2 or 1.5, from 0.1 to \(maximumProcessors), or none.")
        }
        return .chosen(Int((number * 100).rounded()))
    }

    public static func image(_ text: String, source: String) throws(ControllerError) -> String {
        let sound =
            !text.isEmpty && text.utf8.count <= 4096
            && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
        guard sound else {
            throw ControllerError(
                .usage, "\(source) \(PrintableText.quoted(text)) is not the name, id or folder of an image.")
        }
        return text
    }

    /// A name or an address for commits.
    public static func gitIdentity(_ text: String, source: String) throws(ControllerError) -> String {
        guard GitIdent.isSound(text) else {
            throw ControllerError(
                .usage, "\(source) \(PrintableText.quoted(String(text.prefix(100)))) can't be in a commit.",
                advice: "Write it on one line of at most 1024 bytes, without < and >.")
        }
        return text
    }

    /// Checked, not kept: there is one.
    public static func backend(_ text: String, source: String) throws(ControllerError) {
        guard !backends.contains(text) else { return }
        throw ControllerError(
            .usage, "\(source) \(PrintableText.quoted(text)) is not a backend of this version.",
            advice: "Choose qemu, or leave it out.")
    }

    /// Names of network interfaces: IFNAMSIZ (16 with the NUL), no `/`, no space (dev_valid_name in the Linux kernel), and
    /// no comma, which would end the value in QEMU's option.
    private static func interface(_ name: String, _ source: String) throws(ControllerError) -> String {
        let allowed = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/:,".utf8.contains($0) }
        guard (1...15).contains(name.utf8.count), allowed, name != ".", name != ".." else {
            throw ControllerError(
                .usage, "\(source): \(PrintableText.quoted(name)) is not the name of a network interface.")
        }
        return name
    }

    private static func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ text: String, source: String
    ) throws(ControllerError) -> Choice<Value> {
        if text == "auto" { return .automatic }
        if let value = Value(rawValue: text) { return .chosen(value) }
        let names = Value.allCases.map(\.rawValue) + ["auto"]
        throw ControllerError(
            .usage, "\(source) \(PrintableText.quoted(text)) is none of \(names.joined(separator: ", ")).",
            advice: Similarity.closest(to: text, among: names).map { "Did you mean \($0)?" })
    }
}

/// A value, or the wish that it be found out.
public enum Choice<Value: Sendable>: Sendable {
    case automatic
    case chosen(Value)

    var value: Value? { if case .chosen(let value) = self { value } else { nil } }
}

extension Choice: Equatable where Value: Equatable {}
