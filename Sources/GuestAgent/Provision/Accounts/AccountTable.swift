import LinuxSystem

/// passwd(5), group(5) or shadow(5) to be changed: whatever is not changed, comments included, stays byte for byte.
struct AccountTable: Equatable {
    private var lines: [[ArraySlice<UInt8>]]

    init(_ text: [UInt8]) {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines.map { $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) }
    }

    var bytes: [UInt8] {
        var all: [UInt8] = []
        for line in lines {
            all += line.joined(separator: [UInt8(ascii: ":")])
            all.append(UInt8(ascii: "\n"))
        }
        return all
    }

    var indices: Range<Int> { lines.indices }

    func name(_ index: Int) -> String { String(decoding: lines[index].first ?? [], as: UTF8.self) }

    /// - Parameter field: counted from 0; nil when it is missing or no id.
    func number(_ index: Int, _ field: Int) -> UInt32? {
        guard lines[index].count > field else { return nil }
        return AccountFile.number(String(decoding: lines[index][field], as: UTF8.self))
    }

    func index(of name: String) -> Int? {
        lines.firstIndex { $0.count > 2 && ($0.first ?? []).elementsEqual(name.utf8) }
    }

    /// Lines whose field 2, a uid in passwd and a gid in group, is `id`.
    func indices(with id: UInt32) -> [Int] { lines.indices.filter { number($0, 2) == id } }

    /// The lowest id from 60000 on that no line has. Debian and systemd leave the range alone up to 60000 (login.defs(5)),
    /// and 65534 and 65535 mean nobody.
    var freeID: UInt32 {
        let taken = Set(lines.indices.compactMap { number($0, 2) })
        return (60_000...UInt32.max - 1).first { !taken.contains($0) && $0 != 65_534 && $0 != 65_535 } ?? 60_000
    }

    /// A line without that field is left as it is.
    mutating func set(_ index: Int, _ field: Int, to id: UInt32) {
        if lines[index].count > field { lines[index][field] = Array(String(id).utf8)[...] }
    }

    mutating func append(_ fields: [String]) { lines.append(fields.map { Array($0.utf8)[...] }) }

    /// Puts a line before another.
    mutating func move(_ index: Int, before other: Int) {
        guard other < index else { return }
        lines.insert(lines.remove(at: index), at: other)
    }
}
