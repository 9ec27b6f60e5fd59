/// Which project a sandbox belongs to: all that is needed to find the one that is meant.
public struct SandboxPlace: Equatable, Sendable {
    public var name: String
    /// Absolute path, without symbolic links.
    public var project: String

    public init(name: String, project: String) {
        self.name = name
        self.project = project
    }

    public init(_ record: SandboxRecord) { self.init(name: record.name, project: record.project) }
}

extension Registry {
    /// Where every sandbox belongs. `exec` asks this each time it is run without a NAME and has 4 ms in all; Foundation's
    /// JSON with its dates takes 1.2 ms of them (measured, static build), so a registry in exactly the form in which we
    /// write it is read by its lines, and any other by the JSON decoder.
    public func places() throws(ControllerError) -> [SandboxPlace] {
        if let bytes = try AtomicFile.read(file, limit: RegistryFile.maximumBytes),
            let places = RegistryLines.places(bytes)
        {
            return places
        }
        return try read().map(SandboxPlace.init)
    }
}

/// Reads the registry's own form without a JSON decoder: two spaces for each level, keys in order, one a line.
enum RegistryLines {
    /// - Returns: nil for whatever is not surely that form in version 1.
    static func places(_ bytes: [UInt8]) -> [SandboxPlace]? {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count > 5, lines[0].elementsEqual("{".utf8), lines[1].elementsEqual("  \"sandboxes\" : [".utf8),
            lines[lines.count - 4].elementsEqual("  ],".utf8),
            lines[lines.count - 3].elementsEqual("  \"version\" : 1".utf8),
            lines[lines.count - 2].elementsEqual("}".utf8),
            lines[lines.count - 1].isEmpty
        else { return nil }
        var places: [SandboxPlace] = []
        var (entries, name): (Int, String?) = (0, nil)
        for line in lines[2..<(lines.count - 4)] {
            if line.elementsEqual("    {".utf8) { entries += 1 }
            if let text = value(of: "      \"name\" : \"", in: line) {
                guard name == nil, isName(text) else { return nil }
                name = text
            } else if let text = value(of: "      \"project\" : \"", in: line) {
                guard let known = name, text.hasPrefix("/") else { return nil }
                places.append(SandboxPlace(name: known, project: text))
                name = nil
            }
        }
        guard name == nil, places.count == entries, Set(places.map(\.name)).count == entries else { return nil }
        return places
    }

    /// A string that needs no unescaping, and nothing behind it but a comma.
    private static func value(of key: StaticString, in line: ArraySlice<UInt8>) -> String? {
        let start = UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        guard line.starts(with: start), line.suffix(2).elementsEqual("\",".utf8) else { return nil }
        let text = line.dropFirst(start.count).dropLast(2)
        guard !text.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") || $0 < 0x20 }) else {
            return nil
        }
        return String(validating: text, as: UTF8.self)
    }

    private static func isName(_ text: String) -> Bool {
        do throws(ControllerError) { try SandboxName.validate(text) } catch { return false }
        return true
    }
}
