import FoundationEssentials
import Glibc
import LinuxSystem

/// The SSH public keys of whoever starts a sandbox, for its `authorized_keys`.
enum PublicKeys {
    /// In the order in which they are offered.
    static let files = ["id_ed25519.pub", "id_rsa.pub", "id_ecdsa.pub"]
    private static let types: Set<String> = [
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    ]
    private static let fileLimit = 64 * 1024
    private static let lineLimit = 16 * 1024

    /// - Parameter home: whose `.ssh` is read; nil where there is none.
    /// - Returns: lines of authorized_keys(5) without options, and sentences about what was left out.
    static func find(home: String?) -> (keys: [String], warnings: [String]) {
        var (keys, warnings): ([String], [String]) = ([], [])
        guard let home, home.hasPrefix("/") else { return ([], []) }
        for file in files.map({ home + "/.ssh/" + $0 }) {
            let bytes: [UInt8]
            do throws(SystemError) {
                // O_NONBLOCK: what calls itself a key may be a FIFO.
                bytes = try FileDescriptor.open(file, O_RDONLY | O_NONBLOCK).readAll(
                    limit: fileLimit, deadline: .after(milliseconds: 1_000))
            } catch {
                if error.code != ENOENT, error.code != ENOTDIR {
                    warnings.append("The SSH key \(PrintableText.quoted(file)) is left out: \(error.reason).")
                }
                continue
            }
            for (index, line) in lines(bytes).enumerated() where !line.isEmpty && line.first != UInt8(ascii: "#") {
                if let key = key(line) {
                    if !keys.contains(key) { keys.append(key) }
                } else {
                    warnings.append(
                        "Line \(index + 1) of \(PrintableText.quoted(file)) is left out: it is not a public key alone.")
                }
            }
        }
        return (keys, warnings)
    }

    /// A line of type, key and comment, as it stands.
    /// - Returns: nil for everything else: options (which would run commands or open ports), private keys, rubbish.
    static func key(_ line: ArraySlice<UInt8>) -> String? {
        guard line.count <= lineLimit, let text = String(validating: line, as: UTF8.self),
            !text.unicodeScalars.contains(where: { ($0.value < 0x20 && $0 != "\t") || (0x7F..<0xA0).contains($0.value) }
            )
        else { return nil }
        let parts = text.split(maxSplits: 2) { $0 == " " || $0 == "\t" }
        guard parts.count >= 2, types.contains(String(parts[0])), let data = Data(base64Encoded: String(parts[1]))
        else {
            return nil
        }
        return isKey(Array(data), of: Array(parts[0].utf8)) ? text : nil
    }

    /// Strings behind their lengths, of which the first is the type (RFC 4253, 6.6), and nothing behind the last.
    private static func isKey(_ blob: [UInt8], of type: [UInt8]) -> Bool {
        var rest = blob[...]
        var count = 0
        while !rest.isEmpty {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 4 + length else { return false }
            let string = rest.dropFirst(4).prefix(length)
            if count == 0, !string.elementsEqual(type) { return false }
            count += 1
            rest = rest.dropFirst(4 + length)
        }
        return count > 1
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
            var rest = line.drop(while: isSpace)
            while let last = rest.last, isSpace(last) { rest.removeLast() }
            return rest
        }
    }
}
