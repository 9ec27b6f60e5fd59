/// Text from a guest, a file or a user, made safe for a terminal.
public enum PrintableText {
    /// Control characters (C0, C1, DEL), bidirectional overrides and line separators become escapes such as `\u{1B}`;
    /// everything else stays.
    public static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: result += "\\n"
            case 0x0D: result += "\\r"
            case 0x09: result += "\\t"
            case _ where isUnsafe(scalar):
                result += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Whether a terminal or a reader could be deceived by it.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// The same in quotation marks.
    public static func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }
}
