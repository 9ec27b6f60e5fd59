/// Amounts of memory as people write them: `8192` (MiB), `512M`, `4G`, `1.5G`, `1TiB`.
public enum MemorySize {
    /// MiB: 16 TiB. More than any host that runs QEMU has, and far from where arithmetic would overflow.
    public static let maximumMebibytes = 16 << 20

    /// - Parameter source: where the text came from, for the sentence: `--memory`.
    /// - Returns: MiB, at least `SandboxSettings.minimumMemoryMebibytes`.
    /// - Throws: `usage` in one sentence for anything else.
    public static func parse(_ text: String, source: String) throws(ControllerError) -> Int {
        let shown = "\(source) \(PrintableText.quoted(text))"
        guard let amount = amount(text) else {
            throw ControllerError(
                .usage, "\(shown) is not an amount of memory.",
                advice: "Write MiB as a number, or a number with M, G or T: 8192, 512M, 4G.")
        }
        guard amount >= Double(SandboxSettings.minimumMemoryMebibytes) else {
            throw ControllerError(
                .usage,
                "\(shown) is too little: a sandbox needs at least \(SandboxSettings.minimumMemoryMebibytes) MiB.")
        }
        guard amount <= Double(maximumMebibytes) else {
            throw ControllerError(.usage, "\(shown) is too much: a sandbox may have at most 16T.")
        }
        return Int(amount)
    }

    /// As people read it: `8 GiB`, `1.5 GiB`, `800 MiB`.
    public static func text(mebibytes: Int) -> String {
        guard mebibytes >= 1024 else { return "\(mebibytes) MiB" }
        let tenths = (mebibytes * 10 + 512) / 1024
        return tenths % 10 == 0 ? "\(tenths / 10) GiB" : "\(tenths / 10).\(tenths % 10) GiB"
    }

    /// MiB, or nil when it is no amount at all.
    private static func amount(_ text: String) -> Double? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard text.utf8.count <= 32, number.first?.isNumber == true, number.last != ".", let value = Double(number),
            value.isFinite
        else { return nil }
        switch text.dropFirst(number.count).lowercased() {
        case "", "m", "mb", "mib": return value
        case "g", "gb", "gib": return value * 1024
        case "t", "tb", "tib": return value * 1_048_576
        case "p", "pb", "pib": return value * 1_073_741_824
        case "k", "kb", "kib": return value / 1024
        default: return nil
        }
    }
}
