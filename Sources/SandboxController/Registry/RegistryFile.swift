import FoundationEssentials

/// `sandboxes.json` and each sandbox's own `sandbox.json`, as bytes and values.
struct RegistryFile: Codable {
    static let currentVersion = 1
    /// Far beyond any real registry (a record has about 400 bytes), so that a wrong file can't fill the memory.
    static let maximumBytes = 16 << 20

    var version = RegistryFile.currentVersion
    var sandboxes: [SandboxRecord]

    /// What a file turned out to be.
    enum Reading {
        case good([SandboxRecord])
        /// Made by a later version of Keystone.
        case newer(Int)
        /// Why, and the records that can be made out all the same.
        case broken(String, salvaged: [SandboxRecord])
    }

    static func read(_ bytes: [UInt8]) -> Reading {
        let data = Data(bytes)
        guard let head = try? JSONDecoder().decode(Head.self, from: data) else {
            return .broken(bytes.isEmpty ? "it is empty" : "it is not the JSON of a registry", salvaged: [])
        }
        if head.version > currentVersion { return .newer(head.version) }
        guard let lossy = try? decoder().decode(Lossy.self, from: data) else {
            return .broken("it has no list of sandboxes", salvaged: [])
        }
        var seen: Set<String> = []
        let known = lossy.sandboxes.filter { entry in
            entry.record.map { isSound($0) && seen.insert($0.name).inserted } ?? false
        }
        let bad = lossy.sandboxes.count - known.filter(\.isWhole).count
        let records = known.compactMap(\.record)
        if bad > 0 {
            return .broken("\(bad) of its \(lossy.sandboxes.count) entries can't be understood", salvaged: records)
        }
        return .good(records)
    }

    static func bytes(_ records: [SandboxRecord]) throws(ControllerError) -> [UInt8] {
        try encode(RegistryFile(sandboxes: records.sorted { $0.name < $1.name }))
    }

    /// A sandbox's own copy, from which a lost registry is made again.
    static func bytes(_ record: SandboxRecord) throws(ControllerError) -> [UInt8] {
        try encode(RegistryFile(sandboxes: [record]))
    }

    private static func encode(_ file: RegistryFile) throws(ControllerError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        do {
            return [UInt8](try encoder.encode(file)) + [UInt8(ascii: "\n")]
        } catch {
            throw ControllerError(.internal, "The registry can't be put into JSON: \(error).")
        }
    }

    private static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }

    /// A name from a file becomes a path, so it is held to the rule again.
    private static func isSound(_ record: SandboxRecord) -> Bool {
        do throws(ControllerError) { try SandboxName.validate(record.name) } catch { return false }
        return record.project.hasPrefix("/") && !record.project.utf8.contains(0)
    }

    private struct Head: Decodable { let version: Int }

    private struct Lossy: Decodable { let sandboxes: [Entry] }

    /// One entry, whatever it is: a bad one must not take the good ones with it, nor a bad setting its sandbox.
    private struct Entry: Decodable {
        let record: SandboxRecord?
        let isWhole: Bool

        private enum CodingKeys: String, CodingKey { case name, project, created }

        init(from decoder: any Decoder) throws {
            if let whole = try? SandboxRecord(from: decoder) {
                (record, isWhole) = (whole, true)
                return
            }
            isWhole = false
            guard let values = try? decoder.container(keyedBy: CodingKeys.self),
                let name = try? values.decode(String.self, forKey: .name),
                let project = try? values.decode(String.self, forKey: .project)
            else {
                record = nil
                return
            }
            let created = try? values.decode(Date.self, forKey: .created)
            record = SandboxRecord(
                name: name, project: project, created: created ?? Date(), settings: SandboxSettings())
        }
    }
}
