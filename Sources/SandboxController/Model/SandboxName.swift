/// The rule for a sandbox's name: 1 to 63 of `a–z A–Z 0–9 . _ -`, beginning with a letter or digit. It is a folder's
/// name, a cgroup's and a guest's host name (RFC 1123 labels have 63 characters), so nothing else can be allowed.
public enum SandboxName {
    public static let maximumLength = 63

    /// - Throws: `usage` with a sentence that names the rule.
    public static func validate(_ name: String) throws(ControllerError) {
        let bytes = Array(name.utf8)
        guard !bytes.isEmpty, bytes.count <= maximumLength, let first = bytes.first, isAlphanumeric(first),
            bytes.allSatisfy({
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
            })
        else {
            throw ControllerError(
                .usage,
                "\(PrintableText.quoted(name)) is not a sandbox name: it may have 1 to 63 letters, digits, '.', '_' or '-' and begins with a letter or digit.",
                advice: "Choose another with --name.")
        }
    }

    /// A valid name made of any text, such as a project folder's.
    public static func derived(from text: String) -> String {
        var result = ""
        for byte in text.utf8 where result.utf8.count < maximumLength - 8 {
            if isAlphanumeric(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else if !result.isEmpty, !result.hasSuffix("-") {
                result += "-"
            }
        }
        while result.hasSuffix("-") { result.removeLast() }
        return result.isEmpty ? "sandbox" : result
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
    }
}
