import FoundationEssentials
import Glibc
import LinuxSystem

/// The sandboxes there are: `sandboxes.json` in the state directory.
///
/// Reading takes no lock, since the file is only ever replaced in one step. Changing holds `sandboxes.lock` from the
/// reading to the writing, among threads and processes alike. Each record is also kept in its sandbox's own folder
/// (`sandboxes/NAME/sandbox.json`), so a broken or missing registry is set aside, said, and made again.
public struct Registry: Sendable {
    private let directory: StateDirectory
    private let lockMilliseconds: Int
    private let notice: @Sendable (String) -> Void

    /// - Parameters:
    ///   - lockMilliseconds: how long to wait for another command's change.
    ///   - notice: told, in one sentence, when a registry had to be made again.
    public init(
        directory: StateDirectory, lockMilliseconds: Int = 10_000,
        notice: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.directory = directory
        self.lockMilliseconds = lockMilliseconds
        self.notice = notice
    }

    var file: String { directory.registryFile }

    /// All records, by name. An empty or missing state directory has none and is not made.
    /// - Throws: `registryBroken` when a later version wrote it; `permission`; `busy` only while it must be repaired.
    public func read() throws(ControllerError) -> [SandboxRecord] {
        switch try load() {
        case .records(let records): return records
        case .repair: return try update { (records) throws(ControllerError) in records }
        }
    }

    public func record(named name: String) throws(ControllerError) -> SandboxRecord? {
        try read().first { $0.name == name }
    }

    /// - Throws: `noSuchSandbox` with the name that was probably meant.
    public func requireRecord(named name: String) throws(ControllerError) -> SandboxRecord {
        let records = try read()
        if let record = records.first(where: { $0.name == name }) { return record }
        let near = Similarity.closest(to: name, among: records.map(\.name))
        throw ControllerError(
            .noSuchSandbox, "There is no sandbox named \(PrintableText.quoted(name)).",
            advice: near.map { "Did you mean \($0)?" } ?? "`keystone agent list` shows those there are.")
    }

    /// - Parameter project: as in the record: absolute, without symbolic links.
    public func records(project: String) throws(ControllerError) -> [SandboxRecord] {
        try read().filter { $0.project == project }
    }

    /// Changes the registry: reads it, lets `body` change it, and writes it, with nobody in between.
    /// - Throws: what `body` throws, with nothing changed; `busy`, `noSpace`, `permission`, with nothing lost.
    @discardableResult
    public func update<Value>(
        _ body: (inout [SandboxRecord]) throws(ControllerError) -> Value
    ) throws(ControllerError) -> Value {
        try prepareRoot()
        let lock = try FileLock(path: directory.registryLock, deadline: .after(milliseconds: lockMilliseconds))
        defer { withExtendedLifetime(lock) {} }
        let before: [SandboxRecord]
        switch try load() {
        case .records(let records): before = records
        case .repair(let reason, let salvaged):
            before = try RegistryRepair(directory).run(reason: reason, salvaged: salvaged, notice: notice)
        }
        var after = before
        let value = try body(&after)
        if after != before { try write(after, before: before) }
        return value
    }

    private enum Loaded {
        case records([SandboxRecord])
        /// The file must be made again: it is broken for this reason, or (nil) missing though there are sandboxes.
        case repair(String?, salvaged: [SandboxRecord])
    }

    private func load() throws(ControllerError) -> Loaded {
        guard let bytes = try AtomicFile.read(directory.registryFile, limit: RegistryFile.maximumBytes) else {
            return RegistryRepair(directory).ownRecords().isEmpty ? .records([]) : .repair(nil, salvaged: [])
        }
        switch RegistryFile.read(bytes) {
        case .good(let records): return .records(records)
        case .broken(let reason, let salvaged): return .repair(reason, salvaged: salvaged)
        case .newer(let version):
            throw ControllerError(
                .registryBroken,
                "The registry \(PrintableText.quoted(directory.registryFile)) was written by a newer Keystone (version \(version) of the file; this one knows \(RegistryFile.currentVersion)).",
                advice: "Use that newer Keystone, or another state directory with --state-dir.")
        }
    }

    /// A sandbox's own copy is written before the registry and removed after it, so at every instant the registry can
    /// be made again from the copies, with at most one sandbox too many.
    private func write(_ after: [SandboxRecord], before: [SandboxRecord]) throws(ControllerError) {
        let copies = RegistryRepair(directory)
        for record in after { try SandboxName.validate(record.name) }
        let changed = after.filter { !before.contains($0) }
        do throws(ControllerError) {
            for record in changed { try copies.keep(record) }
            try AtomicFile.replace(directory.registryFile, with: try RegistryFile.bytes(after))
        } catch {
            for record in changed {
                if let old = before.first(where: { $0.name == record.name }) {
                    try? copies.keep(old)
                } else {
                    copies.forget(record.name)
                }
            }
            throw error
        }
        for record in before where !after.contains(where: { $0.name == record.name }) { copies.forget(record.name) }
    }

    /// Makes the state directory, or checks the one there: others may not write in it, for they could put a sandbox's
    /// socket or image in place of ours.
    private func prepareRoot() throws(ControllerError) {
        try PrivateFiles.makeFolder(directory.root)
        var status = stat()
        guard stat(directory.root, &status) == 0 else { return }
        let shown = PrintableText.quoted(directory.root)
        if status.st_uid != geteuid() {
            throw ControllerError(
                .permission, "The state directory \(shown) belongs to another user.",
                advice: "Choose another with --state-dir.")
        }
        if status.st_mode & 0o022 != 0 {
            throw ControllerError(
                .permission, "Other users can write in the state directory \(shown).",
                advice: "Close it with `chmod 700`, or choose another with --state-dir.")
        }
    }
}
