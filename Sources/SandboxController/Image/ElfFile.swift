/// What is needed of a 64-bit little-endian ELF file (System V ABI, gabi 4+) to copy a program with its libraries and a
/// kernel module with its dependencies. Every offset is checked: a broken file yields less, never a trap.
struct ElfFile {
    private let bytes: UnsafeRawBufferPointer
    private let file: MappedFile
    /// The dynamic loader that the kernel starts first; nil for a static program or a library.
    private(set) var interpreter: String?
    /// File names (or paths) of the libraries it asks for.
    private(set) var needed: [String] = []
    /// DT_RUNPATH, or DT_RPATH where there is none, with `$ORIGIN` as written.
    private(set) var searchFolders: [String] = []

    private struct Segment {
        let type, offset, address, size: Int
    }

    /// - Returns: nil when it is no such file.
    init?(_ file: MappedFile) {
        self.file = file
        bytes = file.bytes
        guard bytes.count >= 64, bytes.prefix(6).elementsEqual([0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
        let segments = readSegments()
        if let found = segments.first(where: { $0.type == 3 }) { interpreter = bytes.text(at: found.offset) }
        if let dynamic = segments.first(where: { $0.type == 2 }) { readDynamic(dynamic, segments) }
    }

    private func readSegments() -> [Segment] {
        guard let table = bytes.integer(at: 32, as: UInt64.self), let size = bytes.integer(at: 54, as: UInt16.self),
            let count = bytes.integer(at: 56, as: UInt16.self), size >= 56
        else { return [] }
        return (0..<count).compactMap { index in
            guard let entry = bytes.slice(table + index * size, 56), let type = entry.integer(at: 0, as: UInt32.self),
                let offset = entry.integer(at: 8, as: UInt64.self),
                let address = entry.integer(at: 16, as: UInt64.self),
                let length = entry.integer(at: 32, as: UInt64.self)
            else { return nil }
            return Segment(type: type, offset: offset, address: address, size: length)
        }
    }

    private mutating func readDynamic(_ dynamic: Segment, _ segments: [Segment]) {
        guard let table = bytes.slice(dynamic.offset, dynamic.size) else { return }
        var values: [Int: [Int]] = [:]
        for offset in stride(from: 0, to: table.count & ~15, by: 16) {
            guard let tag = table.integer(at: offset, as: UInt64.self),
                let value = table.integer(at: offset + 8, as: UInt64.self)
            else { continue }
            if tag == 0 { break }
            values[tag, default: []].append(value)
        }
        guard let address = values[5]?.first,  // DT_STRTAB
            let home = segments.first(where: { $0.type == 1 && $0.address <= address && address - $0.address < $0.size }
            )
        else { return }
        let strings = address - home.address + home.offset
        func text(_ offset: Int) -> String? { offset < bytes.count ? bytes.text(at: strings + offset) : nil }
        needed = (values[1] ?? []).compactMap(text)
        let paths = (values[29] ?? values[15] ?? []).compactMap(text)
        searchFolders = paths.flatMap { $0.split(separator: ":").map(String.init) }
    }

    /// The bytes of a section, such as a kernel module's `.modinfo`.
    func section(_ name: String) -> UnsafeRawBufferPointer? {
        guard let table = bytes.integer(at: 40, as: UInt64.self), let size = bytes.integer(at: 58, as: UInt16.self),
            let count = bytes.integer(at: 60, as: UInt16.self), let names = bytes.integer(at: 62, as: UInt16.self),
            size >= 64, table < bytes.count, let strings = contents(table + names * size)
        else { return nil }
        for index in 0..<count {
            let entry = table + index * size
            guard let label = bytes.integer(at: entry, as: UInt32.self) else { return nil }
            if strings.text(at: label) == name { return contents(entry) }
        }
        return nil
    }

    private func contents(_ header: Int) -> UnsafeRawBufferPointer? {
        guard let offset = bytes.integer(at: header + 24, as: UInt64.self),
            let size = bytes.integer(at: header + 32, as: UInt64.self)
        else { return nil }
        return bytes.slice(offset, size)
    }
}
