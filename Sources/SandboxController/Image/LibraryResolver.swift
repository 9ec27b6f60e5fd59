import FoundationEssentials
import Glibc

/// Finds the shared libraries of a program in the order of ld.so(8): RUNPATH, the loader's cache, the default folders.
/// The program is never run (as `ldd` does): it may be the user's own or another architecture's.
struct LibraryResolver {
    /// What ld.so.cache says: path by file name.
    private let cache: [String: String]
    /// What a file asks for, so that a library shared by hundreds of programs is read once.
    private var asked: [String: Asked] = [:]

    private struct Asked {
        var interpreter: String?
        var needed: [String]
        var folders: [String]
    }
    private static let defaultFolders = [
        "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
        "/lib64", "/usr/lib64", "/lib", "/usr/lib",
    ]

    /// - Parameter cacheFile: ld.so.cache; a missing or strange one only leaves the default folders.
    init(cacheFile: String = "/etc/ld.so.cache") {
        cache = (try? MappedFile(path: cacheFile)).map { Self.parse($0.bytes) } ?? [:]
    }

    /// The interpreter and all libraries of `program`, each once, by the paths under which they are asked for.
    /// - Returns: also the names that are nowhere to be found.
    mutating func dependencies(of program: String) -> (found: [String], missing: [String]) {
        var found: [String] = []
        var missing: Set<String> = []
        var seen: Set<String> = [program]
        var queue: [(path: String, inherited: [String])] = [(program, [])]
        while let (path, inherited) = queue.popLast() {
            guard let asked = read(path) else { continue }
            if let interpreter = asked.interpreter, seen.insert(interpreter).inserted { found.append(interpreter) }
            let folders = asked.folders + inherited
            for name in asked.needed {
                guard let library = locate(name, folders) else {
                    missing.insert(name)
                    continue
                }
                if seen.insert(library).inserted {
                    found.append(library)
                    queue.append((library, folders))
                }
            }
        }
        return (found, missing.sorted())
    }

    private mutating func read(_ path: String) -> Asked? {
        if let known = asked[path] { return known }
        guard let mapped = try? MappedFile(path: path), let elf = ElfFile(mapped) else { return nil }
        var folders: [String] = []
        if !elf.searchFolders.isEmpty {
            let own = URL(fileURLWithPath: path).resolvingSymlinksInPath().path.parentPath
            folders = elf.searchFolders.map {
                $0.replacing(each: "${ORIGIN}", with: own).replacing(each: "$ORIGIN", with: own)
            }
        }
        let result = Asked(interpreter: elf.interpreter, needed: elf.needed, folders: folders)
        asked[path] = result
        return result
    }

    private func locate(_ name: String, _ folders: [String]) -> String? {
        if name.contains("/") { return access(name, R_OK) == 0 ? name : nil }
        for folder in folders where access(folder + "/" + name, R_OK) == 0 { return folder + "/" + name }
        if let cached = cache[name], access(cached, R_OK) == 0 { return cached }
        return Self.defaultFolders.lazy.map { $0 + "/" + name }.first { access($0, R_OK) == 0 }
    }

    // glibc's `struct cache_file_new` (elf/dl-cache.h): 48 bytes of header, entries of 24, offsets from the header.
    private static func parse(_ whole: UnsafeRawBufferPointer) -> [String: String] {
        let magic = Array("glibc-ld.so.cache1.1".utf8)
        guard let start = firstIndex(of: magic, in: whole),
            let table = whole.slice(start, whole.count - start), let count = table.integer(at: 20, as: UInt32.self)
        else { return [:] }
        var result: [String: String] = [:]
        for index in 0..<min(count, table.count / 24) {
            let entry = 48 + index * 24
            // Entries with hardware capabilities are faster variants of a library that is listed without any too.
            guard table.integer(at: entry + 16, as: UInt64.self) == 0,
                let key = table.integer(at: entry + 4, as: UInt32.self),
                let value = table.integer(at: entry + 8, as: UInt32.self),
                let flags = table.integer(at: entry, as: UInt32.self),
                flags & 0xFF00 != 0, let name = table.text(at: key), let path = table.text(at: value)
            else { continue }
            if result[name] == nil { result[name] = path }
        }
        return result
    }

    private static func firstIndex(of magic: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        if bytes.starts(with: magic) { return 0 }
        // The old format may precede the new one, aligned to 8 bytes.
        return stride(from: 0, to: max(0, bytes.count - magic.count), by: 8).first { offset in
            bytes[offset] == magic[0] && bytes[offset..<offset + magic.count].elementsEqual(magic)
        }
    }
}
