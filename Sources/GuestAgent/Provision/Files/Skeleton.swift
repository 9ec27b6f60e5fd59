import Glibc
import LinuxSystem

/// Copies what is missing of a skeleton (`/etc/skel`, useradd(8)) into a home.
struct Skeleton {
    private(set) var copied = 0

    /// Runs with the rights of the home's user: what it makes is his.
    mutating func copy(_ source: borrowing GuestFolder, to target: borrowing GuestFolder, depth: Int = 16)
        throws(StepFailure)
    {
        for name in try source.names() {
            guard let status = try source.status(name) else { continue }
            let exists = try target.status(name) != nil
            switch status.st_mode & S_IFMT {
            case S_IFREG where !exists:
                guard let bytes = try source.read(name) else { continue }
                try target.replace(name, with: bytes, mode: status.st_mode & 0o777)
                copied += 1
            case S_IFLNK where !exists: try copyLink(name, source, target)
            case S_IFDIR where depth > 0: try copyFolder(name, status.st_mode & 0o777, source, target, depth)
            default: continue
            }
        }
    }

    private mutating func copyFolder(
        _ name: String, _ mode: mode_t, _ source: borrowing GuestFolder, _ target: borrowing GuestFolder, _ depth: Int
    ) throws(StepFailure) {
        let made = try target.makeFolder(name, mode: mode | S_IRWXU)
        if made { copied += 1 }
        // The user may have made something else of that name.
        if !made, let status = try target.status(name), status.st_mode & S_IFMT != S_IFDIR { return }
        try copy(try source.folder(name), to: try target.folder(name), depth: depth - 1)
    }

    private mutating func copyLink(
        _ name: String, _ source: borrowing GuestFolder, _ target: borrowing GuestFolder
    ) throws(StepFailure) {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        guard readlinkat(source.descriptor.rawValue, name, &text, text.count - 1) > 0 else {
            throw StepFailure(SystemError("read \(source.path)/\(name)"))
        }
        guard symlinkat(text, target.descriptor.rawValue, name) == 0 || errno == EEXIST else {
            throw StepFailure(SystemError("make \(target.path)/\(name)"))
        }
        copied += 1
    }
}
