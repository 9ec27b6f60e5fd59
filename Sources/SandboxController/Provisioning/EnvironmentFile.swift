import Glibc
import LinuxSystem

/// Files of variables in docker's form (`docker run --env-file`): a `NAME=VALUE` or `NAME` on each line, the value as it
/// stands to the end of the line, without quoting; blank lines and lines that begin with `#` are passed over.
public enum EnvironmentFile {
    /// Bytes of one file.
    static let limit = 1 << 20

    /// - Parameter value: what a name alone stands for; nil leaves it out.
    /// - Returns: `NAME=value` entries in the file's order.
    /// - Throws: `badPath` when it can't be read; `usage` with the line's number, never with a value.
    public static func read(_ path: String, value: ([UInt8]) -> [UInt8]?) throws(ControllerError) -> [[UInt8]] {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileDescriptor.open(path, O_RDONLY).readAll(limit: limit)
        } catch {
            throw error.told("The file of variables \(PrintableText.quoted(path)) can't be read", as: .badPath)
        }
        return try parse(bytes, source: PrintableText.quoted(path), value: value)
    }

    static func parse(
        _ bytes: [UInt8], source: String, value: ([UInt8]) -> [UInt8]?
    ) throws(ControllerError) -> [[UInt8]] {
        var entries: [[UInt8]] = []
        // An editor's byte order mark is no part of the first name.
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        var number = 0
        for whole in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let ended = whole.last == UInt8(ascii: "\r") ? whole.dropLast() : whole
            let line = ended.drop(while: isSpace)
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            let name = line.prefix { $0 != UInt8(ascii: "=") }
            guard !name.isEmpty else {
                throw ControllerError(.usage, "Line \(number) of \(source) has no name before its \"=\".")
            }
            guard !name.contains(where: isSpace), !line.contains(0) else {
                throw ControllerError(
                    .usage, "Line \(number) of \(source) is no variable: its name has a space, or it has a NUL byte.",
                    advice: "Write NAME=VALUE, or NAME for the value it has here.")
            }
            if name.count < line.count {
                entries.append(Array(line))
            } else if let found = value(Array(name)) {
                entries.append(name + [UInt8(ascii: "=")] + found)
            }
        }
        return entries
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}
