import FoundationEssentials
import Glibc

/// The copy of its record that each sandbox keeps, and the making of a registry from them.
struct RegistryRepair {
    private let directory: StateDirectory

    init(_ directory: StateDirectory) { self.directory = directory }

    private func copy(_ name: String) -> String { directory.sandboxFolder(name) + "/sandbox.json" }

    func keep(_ record: SandboxRecord) throws(ControllerError) {
        try PrivateFiles.makeFolder(directory.sandboxFolder(record.name))
        try AtomicFile.replace(copy(record.name), with: try RegistryFile.bytes(record))
    }

    /// The folder goes too when nothing else is in it.
    func forget(_ name: String) {
        unlink(copy(name))
        rmdir(directory.sandboxFolder(name))
    }

    /// Every sound copy whose folder has the record's name.
    func ownRecords() -> [SandboxRecord] {
        let folder = directory.root + "/sandboxes"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { name in
            guard let bytes = try? AtomicFile.read(copy(name), limit: 1 << 20) else { return nil }
            let records: [SandboxRecord]
            switch RegistryFile.read(bytes) {
            case .good(let found), .broken(_, salvaged: let found): records = found
            case .newer: return nil
            }
            guard let record = records.first, records.count == 1, record.name == name else { return nil }
            return record
        }
    }

    /// Sets the broken file aside and writes a new one of what can be found. The caller holds the lock.
    /// - Parameter reason: nil when the file is missing.
    func run(
        reason: String?, salvaged: [SandboxRecord], notice: (String) -> Void
    ) throws(ControllerError) -> [SandboxRecord] {
        let own = ownRecords()
        // A copy is never older than the registry's entry, so it wins.
        let records = own + salvaged.filter { record in !own.contains { $0.name == record.name } }
        let names =
            records.isEmpty
            ? "no sandbox was found" : "found again: " + records.map(\.name).sorted().joined(separator: ", ")
        let file = PrintableText.quoted(directory.registryFile)
        if let reason {
            let aside = try setAside()
            notice(
                "The registry \(file) was broken (\(reason)). It is kept as \(PrintableText.quoted(aside)); \(names).")
        } else {
            notice("The registry \(file) was missing; \(names).")
        }
        try AtomicFile.replace(directory.registryFile, with: try RegistryFile.bytes(records))
        return records
    }

    private func setAside() throws(ControllerError) -> String {
        let stamp = Date().formatted(.iso8601.dateTimeSeparator(.standard).timeSeparator(.omitted))
        let base = directory.registryFile + ".broken-" + stamp
        var aside = base
        for number in 2..<1000 where access(aside, F_OK) == 0 { aside = "\(base)-\(number)" }
        guard rename(directory.registryFile, aside) == 0 else {
            throw FileFailure.writing(aside, .init("rename"))
        }
        return aside
    }
}
