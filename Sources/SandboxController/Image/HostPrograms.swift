import FoundationEssentials
import Glibc
import LinuxSystem

/// Copies programs of the host into an initramfs with all that they need to run there: libraries, interpreters, and for
/// some well-known ones their data. Links are kept as links.
struct HostPrograms {
    private var files: HostTree
    private var resolver: LibraryResolver
    /// The guest mounts file systems of its own here, which would hide what the image holds.
    private static let hiddenFolders = ["/tmp/", "/run/", "/dev/", "/proc/", "/sys/", "/workspace/"]
    private(set) var missingLibraries: Set<String> = []

    var tree: InitramfsTree { files.tree }

    init(addingTo tree: InitramfsTree, resolver: LibraryResolver = LibraryResolver()) {
        files = HostTree(addingTo: tree)
        self.resolver = resolver
    }

    /// Adds programs by name (searched in `PATH`) or path.
    /// - Throws: `missingProgram` with every name that is not on this host, before anything is copied.
    mutating func include(_ names: [String], deadline: Deadline) throws(ControllerError) {
        let located = names.map { (name: $0, path: ProgramPath.locate($0)) }
        let missing = located.filter { $0.path == nil }.map { PrintableText.quoted($0.name) }
        guard missing.isEmpty else {
            throw ControllerError(
                .missingProgram, "Not on this host, so not for the image: \(missing.joined(separator: ", ")).",
                advice: "Install what is missing, or leave it out of --include.")
        }
        for (_, path) in located {
            guard let path else { continue }
            try add(whole: path, deadline: deadline)
        }
        if !names.isEmpty { for data in ProgramData.common { try add(data) } }
        if !missingLibraries.isEmpty {
            throw ControllerError(
                .missingProgram,
                "Libraries that the included programs need are not on this host: "
                    + missingLibraries.sorted().joined(separator: ", ") + ".")
        }
    }

    /// A program with its data, reachable by its name.
    private mutating func add(whole path: String, deadline: Deadline) throws(ControllerError) {
        let program = try ProgramData.behindShim(path, deadline: deadline)
        if HostPrograms.hiddenFolders.contains(where: program.hasPrefix) {
            try files.add(file: program, at: "/usr/local/bin/" + path.lastPathPart)
            return try addDependencies(of: program, strict: true)
        }
        try add(program: program)
        for data in try ProgramData.folders(for: program, deadline: deadline) { try add(data) }
        let name = path.lastPathPart
        let known = ProgramPath.standardFolders.contains(program.parentPath)
        if !known || program.lastPathPart != name {
            files.tree.add("/usr/local/bin/" + name, .link(target: program))
        }
    }

    /// A program file with its libraries, or a script with its interpreter.
    private mutating func add(program path: String) throws(ControllerError) {
        guard let file = try files.add(path: path, keepsTime: false) else { return }
        try addDependencies(of: file, strict: true)
    }

    private mutating func addDependencies(of file: String, strict: Bool) throws(ControllerError) {
        let mapped: MappedFile
        do throws(SystemError) { mapped = try MappedFile(path: file) } catch {
            throw error.told("Cannot read \(PrintableText.escaped(file))", as: .imageBuildFailed)
        }
        if mapped.bytes.starts(with: [0x23, 0x21]) {
            if strict { try addInterpreter(mapped.bytes) }
            return
        }
        guard mapped.bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return }
        let (found, missing) = resolver.dependencies(of: file)
        for library in found { try files.add(path: library, keepsTime: false) }
        if strict { missingLibraries.formUnion(missing) }
    }

    /// `#!/usr/bin/env NAME` needs NAME; busybox is `/bin/sh` and `env` unless the host's were asked for.
    private mutating func addInterpreter(_ script: UnsafeRawBufferPointer) throws(ControllerError) {
        let line = String(decoding: script.prefix(256).prefix { $0 != 0x0A }.dropFirst(2), as: UTF8.self)
        let words = line.split(separator: " ").map(String.init)
        guard let interpreter = words.first else { return }
        if !tree.contains(interpreter) { try add(program: interpreter) }
        guard interpreter.hasSuffix("/env"), words.count > 1,
            let named = words.dropFirst().first(where: { !$0.hasPrefix("-") }),
            let program = ProgramPath.locate(named)
        else { return }
        try add(whole: program, deadline: .after(milliseconds: 20_000))
    }

    /// A folder or file of data; programs and libraries in it get what they need, as far as the host has it.
    private mutating func add(_ data: ProgramData) throws(ControllerError) {
        guard let place = try files.add(path: data.path, keepsTime: data.keepsTimes) else { return }
        try addContents(of: place, data)
    }

    /// Sorted, so that the first of a file's names is the same each time.
    private mutating func addContents(of folder: String, _ data: ProgramData) throws(ControllerError) {
        guard HostTree.isFolder(folder) else { return try addDependencies(of: folder, strict: false) }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where !data.omits(name) {
            guard let place = try files.add(path: folder + "/" + name, keepsTime: data.keepsTimes) else { continue }
            // A linked folder stays a link: what it leads to may be anything, the host's root even.
            if place == folder + "/" + name || !HostTree.isFolder(place) { try addContents(of: place, data) }
        }
    }
}
