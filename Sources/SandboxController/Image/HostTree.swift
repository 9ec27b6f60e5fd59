import FoundationEssentials
import Glibc
import LinuxSystem

/// An initramfs that grows by paths of the host, each at the same place and each once.
struct HostTree {
    var tree: InitramfsTree
    /// Real paths that are done or being done.
    private var visited: Set<String> = []
    /// By device and inode.
    private var firstNames: [String: String] = [:]

    init(addingTo tree: InitramfsTree) { self.tree = tree }

    /// Walks a path from the root, keeping every link on the way.
    /// - Returns: where it really leads; nil when that was done before or is nowhere.
    @discardableResult
    mutating func add(path: String, keepsTime: Bool) throws(ControllerError) -> String? {
        var rest = path.split(separator: "/").map(String.init)
        var place = ""
        var links = 0
        while !rest.isEmpty {
            let component = rest.removeFirst()
            if component == "." { continue }
            if component == ".." {
                place = place.parentPath
                if place == "/" { place = "" }
                continue
            }
            let next = place + "/" + component
            var status = stat()
            guard lstat(next, &status) == 0 else {
                if links > 0 { return nil }  // A dangling link stays one.
                throw SystemError("read").told("Cannot read \(PrintableText.escaped(next))", as: .imageBuildFailed)
            }
            switch status.st_mode & S_IFMT {
            case S_IFLNK:
                links += 1
                guard links < 40, let target = try? FileManager.default.destinationOfSymbolicLink(atPath: next) else {
                    return nil
                }
                tree.add(next, .link(target: target))
                if target.hasPrefix("/") { place = "" }
                rest = target.split(separator: "/").map(String.init) + rest
            case S_IFDIR: place = next
            case S_IFREG:
                guard rest.isEmpty, visited.insert(next).inserted else { return nil }
                // A second name of a file (git has hundreds) becomes a link to the first.
                let identity = "\(status.st_dev) \(status.st_ino)"
                if status.st_nlink > 1, let first = firstNames[identity] {
                    tree.add(next, .link(target: first))
                    return nil
                }
                firstNames[identity] = next
                tree.add(next, .file(hostFile(next, status, keepsTime)))
                return next
            default: return nil
            }
        }
        tree.add(place, .directory(permissions: 0o755, owner: 0))
        return visited.insert(place).inserted ? place : nil
    }

    /// One regular file, at another place than the host has it.
    mutating func add(file path: String, at place: String) throws(ControllerError) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError("read").told("Cannot read \(PrintableText.escaped(path))", as: .imageBuildFailed)
        }
        tree.add(place, .file(hostFile(path, status, false)))
    }

    private func hostFile(_ path: String, _ status: stat, _ keepsTime: Bool) -> InitramfsTree.HostFile {
        // No set-id bits: who may become whom in the guest is the image's business, not the host's.
        InitramfsTree.HostFile(
            path: path, size: Int(status.st_size), permissions: Int(status.st_mode & 0o777),
            modified: Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec), keepsTime: keepsTime)
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
