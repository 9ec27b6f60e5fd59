import LinuxSystem

/// passwd(5) and group(5): lines of fields between colons.
enum AccountFile {
    struct Line {
        private let fields: [ArraySlice<UInt8>]
        let name: String

        init?(_ bytes: ArraySlice<UInt8>) {
            fields = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 3, !fields[0].isEmpty, fields[0].first != UInt8(ascii: "#") else { return nil }
            name = String(decoding: fields[0], as: UTF8.self)
        }

        func field(_ index: Int) -> String {
            index < fields.count ? String(decoding: fields[index], as: UTF8.self) : ""
        }
        func number(_ index: Int) -> UInt32? { AccountFile.number(field(index)) }
        func members(_ index: Int) -> [String] {
            index < fields.count
                ? fields[index].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) } : []
        }
    }

    /// All lines of the file; none when it is missing or larger than 4 MiB.
    static func read(_ path: String) -> [Line] {
        guard let text = try? SmallFile.read(path, limit: 4 * 1024 * 1024) else { return [] }
        return text.split(separator: UInt8(ascii: "\n")).compactMap(Line.init)
    }

    /// A decimal number below 2^32-1: that one means "none" to the kernel (setuid(2)).
    static func number(_ text: String) -> UInt32? {
        guard let value = UInt32(text), value != .max, text.utf8.first != UInt8(ascii: "+") else { return nil }
        return value
    }
}
