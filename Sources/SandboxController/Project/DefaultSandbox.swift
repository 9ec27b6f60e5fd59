/// Which sandbox is meant where none is named, and what a new one is called.
public enum DefaultSandbox {
    /// The sandbox of the project that a folder is in: of the nearest folder above that has one, up to the git work
    /// tree's top (or the root, outside of git).
    /// - Parameter folder: absolute, without symbolic links.
    /// - Throws: `noSuchSandbox`, or `usage` when several fit and none has the project's own name.
    public static func find(
        from folder: String, among places: [SandboxPlace]
    ) throws(ControllerError) -> SandboxPlace {
        let project = GitProject.find(from: folder)
        var next: String? = folder
        while let candidate = next {
            let found = places.filter { $0.project == candidate }
            if !found.isEmpty { return try choose(found, project: candidate) }
            next = candidate == project?.top ? nil : Folder.parent(of: candidate)
        }
        guard let project else {
            throw ControllerError(
                .noSuchSandbox,
                "No sandbox was named, and \(PrintableText.quoted(folder)) is not in a project that has one.",
                advice: "Name one; `keystone agent list` shows those there are.")
        }
        throw ControllerError(
            .noSuchSandbox, "The project \(PrintableText.quoted(project.top)) has no sandbox.",
            advice: "Make one with `keystone agent start`, or name one that `keystone agent list` shows.")
    }

    /// The one to `start` where no name was given: the project's own when it has one, else nil.
    public static func existing(project: String, among records: [SandboxRecord]) throws(ControllerError)
        -> SandboxRecord?
    {
        let found = records.filter { $0.project == project }
        guard !found.isEmpty else { return nil }
        let chosen = try choose(found.map(SandboxPlace.init), project: project)
        return found.first { $0.name == chosen.name }
    }

    /// A free name for a project's first sandbox: its folder's, with a hash of the path behind where another project
    /// has that already.
    public static func newName(project: String, among records: [SandboxRecord]) -> String {
        let taken = Set(records.map(\.name))
        for candidate in ownNames(project) where !taken.contains(candidate) { return candidate }
        let base = SandboxName.derived(from: Folder.lastName(project))
        return (2...).lazy.map { "\(base)-\($0)" }.first { !taken.contains($0) } ?? base
    }

    private static func choose(_ found: [SandboxPlace], project: String) throws(ControllerError) -> SandboxPlace {
        if found.count == 1 { return found[0] }
        for name in ownNames(project) { if let own = found.first(where: { $0.name == name }) { return own } }
        let names = found.map(\.name).sorted().joined(separator: ", ")
        throw ControllerError(
            .usage, "The project \(PrintableText.quoted(project)) has several sandboxes: \(names).",
            advice: "Say which one you mean.")
    }

    /// `folder` and `folder-1a2b3c`.
    private static func ownNames(_ project: String) -> [String] {
        let base = SandboxName.derived(from: Folder.lastName(project))
        return [base, base + "-" + shortHash(project)]
    }

    /// FNV-1a (64 bits), six hexadecimal digits: enough to tell projects of one name apart, always the same for one path.
    private static func shortHash(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash & 0xFF_FFFF, radix: 16)
        return String(repeating: "0", count: 6 - digits.utf8.count) + digits
    }
}
