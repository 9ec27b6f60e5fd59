import LinuxSystem

/// The files of an initramfs by their absolute path, before anything is read or written. `/bin`, `/sbin`, `/lib` and
/// `/lib64` are links into `/usr`, as distributions have had for years, so host paths of either kind work.
struct InitramfsTree {
    enum Node: Equatable {
        case directory(permissions: Int, owner: Int)
        case link(target: String)
        case device(major: Int, minor: Int, permissions: Int)
        case data([UInt8], permissions: Int)
        case file(HostFile)
    }

    /// A file to copy, as it was when the tree was planned.
    struct HostFile: Equatable {
        let path: String
        let size: Int
        let permissions: Int
        /// Nanoseconds since 1970, for the input key.
        let modified: Int
        /// Whether the copy keeps its time: Python compares it with its compiled files.
        let keepsTime: Bool
    }

    private(set) var nodes: [String: Node] = [:]
    private static let merged = ["/bin", "/sbin", "/lib", "/lib64"]

    init() {
        add("/usr", .directory(permissions: 0o755, owner: 0))
        for folder in Self.merged {
            add("/usr" + folder, .directory(permissions: 0o755, owner: 0))
            nodes[folder] = .link(target: "usr" + folder)
        }
    }

    /// Where a path really lies in the image.
    static func placed(_ path: String) -> String {
        for folder in merged where path.hasPrefix(folder + "/") { return "/usr" + path }
        return path
    }

    /// Adds a node and the folders above it; what was there is replaced, but a folder never is.
    mutating func add(_ path: String, _ node: Node) {
        let path = Self.placed(path)
        if path == "/" || Self.merged.contains(path) { return }
        if case .directory = nodes[path] {
            if case .directory = node { nodes[path] = node }
            return
        }
        nodes[path] = node
        var parent = path
        while let cut = parent.lastIndex(of: "/"), cut != parent.startIndex {
            parent = String(parent[..<cut])
            if nodes[parent] != nil { break }
            nodes[parent] = .directory(permissions: 0o755, owner: 0)
        }
    }

    mutating func add(_ path: String, text: String, permissions: Int = 0o644) {
        add(path, .data(Array(text.utf8), permissions: permissions))
    }

    func contains(_ path: String) -> Bool { nodes[Self.placed(path)] != nil }

    /// Whether something lies in a folder.
    func holdsSomething(in folder: String) -> Bool { nodes.keys.contains { $0.hasPrefix(folder + "/") } }

    /// Everything that decides the archive's bytes, for the input key: host files by size and time, not by content.
    var fingerprint: String {
        var hash = SHA256()
        for (path, node) in nodes.sorted(by: { $0.key < $1.key }) {
            let line =
                switch node {
                case .directory(let permissions, let owner): "directory \(permissions) \(owner)"
                case .link(let target): "link \(target)"
                case .device(let major, let minor, let permissions): "device \(major) \(minor) \(permissions)"
                case .data(let bytes, let permissions): "data \(permissions) \(SHA256.hexadecimal(bytes))"
                case .file(let file):
                    "file \(file.permissions) \(file.size) \(file.modified) \(file.keepsTime) \(file.path)"
                }
            hash.update(Array("\(path)\u{0}\(line)\u{0}".utf8))
        }
        return hash.finish()
    }

    /// Writes all of it in the order of the paths, so a folder comes before what it holds.
    func write(to archive: inout CpioArchive) throws(SystemError) {
        // The root itself: as a tmpfs it would be writable for everybody.
        try archive.add(".", permissions: 0o755, .directory)
        for (path, node) in nodes.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let name = String(path.dropFirst())
            switch node {
            case .directory(let permissions, let owner):
                try archive.add(name, permissions: permissions, owner: owner, .directory)
            case .link(let target): try archive.add(name, permissions: 0o777, .symbolicLink(target))
            case .device(let major, let minor, let permissions):
                try archive.add(name, permissions: permissions, .characterDevice(major: major, minor: minor))
            case .data(let bytes, let permissions): try archive.add(name, permissions: permissions, .bytes(bytes))
            case .file(let file):
                let time = file.keepsTime ? file.modified / 1_000_000_000 : 0
                try archive.add(
                    name, permissions: file.permissions, time: time, .file(path: file.path, size: file.size))
            }
        }
    }
}
