import FoundationEssentials
import Glibc

/// Finds programs of the host as a shell would.
public enum ProgramPath {
    /// Where to look when `PATH` is unset, and after it: administrators' programs are not in a user's `PATH`.
    static let standardFolders = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]

    /// - Parameter name: a file name, or a path when it holds a `/`.
    /// - Returns: an absolute path of an executable file, or nil.
    public static func locate(
        _ name: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String? {
        guard !name.isEmpty, !name.utf8.contains(0) else { return nil }
        if name.contains("/") {
            let path = name.hasPrefix("/") ? name : FileManager.default.currentDirectoryPath + "/" + name
            return isExecutable(path) ? path : nil
        }
        let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        let found = (folders + standardFolders).map { $0 + "/" + name }.filter(isExecutable)
        // A shim (pyenv, rbenv, asdf) only starts what is elsewhere, by way of a shell and its own tree.
        return found.first { !isShim($0) } ?? found.first
    }

    static func isShim(_ path: String) -> Bool { path.contains("/shims/") }

    static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}
