import Glibc
import LinuxSystem

/// direnv(1) in bash: one line in `.bashrc`.
enum DirenvHook {
    private static let line = "eval \"$(direnv hook bash)\""

    /// Appends to the file, unless it speaks of the hook, in a comment or otherwise: then the user has decided.
    /// - Returns: whether something changed. A `.bashrc` that is a link, into a dotfiles repository say, is left alone.
    static func add(to home: borrowing GuestFolder) throws(StepFailure) -> Bool {
        if let status = try home.status(".bashrc"), status.st_mode & S_IFMT != S_IFREG { return false }
        let text = try home.read(".bashrc") ?? []
        if text.withUnsafeBytes({ ByteSearch.contains($0, Array("direnv hook".utf8)) }) { return false }
        let gap = text.isEmpty || text.last == UInt8(ascii: "\n") ? "" : "\n"
        try home.replace(".bashrc", with: text + Array("\(gap)\(line)\n".utf8), mode: 0o644)
        return true
    }
}
