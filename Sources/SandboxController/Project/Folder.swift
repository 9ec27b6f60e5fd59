import Glibc
import LinuxSystem

/// Folders by name, without Foundation: `exec` finds its project here and has 4 ms in all.
public enum Folder {
    /// Where this process stands, without symbolic links.
    public static func current() throws(ControllerError) -> String { try real(".") }

    /// The one absolute path of a folder, without symbolic links, `.` and `..`.
    /// - Throws: `badPath` when there is none, or it is not a folder.
    public static func real(_ path: String) throws(ControllerError) -> String {
        guard !path.isEmpty else { throw ControllerError(.badPath, "The path of a folder can't be empty.") }
        let shown = PrintableText.quoted(path)
        guard !path.utf8.contains(0), let pointer = realpath(path, nil) else {
            let reason = path.utf8.contains(0) ? "it has a NUL byte" : reason(errno)
            throw ControllerError(.badPath, "The folder \(shown) can't be used: \(reason).")
        }
        defer { free(pointer) }
        var status = stat()
        guard stat(pointer, &status) == 0 else {
            throw ControllerError(.badPath, "The folder \(shown) can't be used: \(reason(errno)).")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw ControllerError(.badPath, "\(shown) is not a folder.")
        }
        guard let text = String(validatingCString: pointer) else {
            throw ControllerError(.badPath, "The folder \(shown) can't be used: its path is not UTF-8.")
        }
        return text
    }

    /// The folder above, or nil for `/`.
    static func parent(of path: String) -> String? {
        guard path != "/", let slash = path.lastIndex(of: "/") else { return nil }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func joined(_ folder: String, _ name: String) -> String { folder == "/" ? "/" + name : folder + "/" + name }

    /// The last part of a path; empty for `/`.
    static func lastName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

    private static func reason(_ code: Int32) -> String {
        code == ENOENT ? "there is no such folder" : SystemError.message(for: code)
    }
}
