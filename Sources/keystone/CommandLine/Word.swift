/// One word of a command line. Bytes, because what goes to the guest (a file's name, an argument) need not be UTF-8.
struct Word: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }
    init(_ text: String) { bytes = Array(text.utf8) }
    init(stringLiteral text: String) { self.init(text) }

    /// As text; bytes that are not UTF-8 become U+FFFD.
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var description: String { text }

    /// `-x`, `--long` and `--`, but not a lone `-`, which by custom names standard input.
    var looksLikeOption: Bool { bytes.count > 1 && bytes[0] == UInt8(ascii: "-") }
    var isSeparator: Bool { bytes == [UInt8(ascii: "-"), UInt8(ascii: "-")] }

    /// As a POSIX shell would have to be given it.
    var shellQuoted: String {
        let text = text
        let plain =
            !bytes.isEmpty
            && bytes.allSatisfy { byte in
                (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
                    || "@%+=:,./_-".utf8.contains(byte)
            }
        return plain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// The words of this process, its own name first.
    static func ofProcess() -> [Word] {
        (0..<Int(CommandLine.argc)).compactMap { index in
            guard let pointer = CommandLine.unsafeArgv[index] else { return nil }
            var bytes: [UInt8] = []
            var next = pointer
            while next.pointee != 0 {
                bytes.append(UInt8(bitPattern: next.pointee))
                next += 1
            }
            return Word(bytes: bytes)
        }
    }
}
