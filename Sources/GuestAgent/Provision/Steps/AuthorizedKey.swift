/// A line of authorized_keys (sshd(8)) without options: type, key, comment.
struct AuthorizedKey: Equatable {
    /// What OpenSSH 9 takes but DSA, which it no longer does.
    static let types: Set<String> = [
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ]

    /// As it goes into the file.
    let text: String

    /// - Parameter line: its number, for the sentence.
    /// - Throws: also for options: what they allow or forbid is for the guest's owner to say.
    init(_ text: String, line: Int) throws(StepFailure) {
        guard !text.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F }) else {
            throw StepFailure("Key \(line) has a control character in it")
        }
        let words = text.split(maxSplits: 2) { $0 == " " || $0 == "\t" }
        guard let first = words.first, AuthorizedKey.types.contains(String(first)) else {
            throw StepFailure("Key \(line) does not begin with a type of key that is known; options are not taken")
        }
        guard words.count > 1, let blob = Base64.decode(words[1].utf8),
            AuthorizedKey.isKey(blob, of: Array(first.utf8))
        else { throw StepFailure("Key \(line) is not a key of type \(first)") }
        // Behind the key only one of the spaces was taken off.
        let comment = words.dropFirst(2).map { $0.drop { $0 == " " || $0 == "\t" } }
        self.text = (words.prefix(2) + comment.filter { !$0.isEmpty }).joined(separator: " ")
    }

    /// Strings behind their lengths, of which the first is the type (RFC 4253, 6.6), and nothing behind the last.
    private static func isKey(_ blob: [UInt8], of type: [UInt8]) -> Bool {
        var rest = blob[...]
        var count = 0
        while !rest.isEmpty {
            guard rest.count >= 4 else { return false }
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard rest.count >= length else { return false }
            if count == 0, !rest.prefix(length).elementsEqual(type) { return false }
            rest = rest.dropFirst(length)
            count += 1
        }
        return count > 1
    }
}

/// RFC 4648, strictly: padded, no spaces.
enum Base64 {
    /// - Returns: nil for what is no Base64.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard !text.isEmpty, text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var (bits, count, padding) = (0, 0, 0)
        for byte in text {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(byte) else { return nil }
            bits = (bits << 6 | value) & 0xFFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return padding <= 2 ? bytes : nil
    }

    private static func value(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
