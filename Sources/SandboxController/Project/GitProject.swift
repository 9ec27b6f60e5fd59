import Glibc
import LinuxSystem

/// A git work tree, found by looking: no git process, so nothing that a repository configures can run.
public struct GitProject: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// `.git` is the repository itself.
        case main
        /// One of `git worktree add`: a project of its own.
        case linkedWorktree
        /// Of another repository (`git submodule`), or made with `--separate-git-dir`.
        case separate
    }

    /// Absolute path of the top folder, without symbolic links.
    public let top: String
    public let kind: Kind

    /// The work tree that a folder is in.
    /// - Throws: `badPath` for what is not a folder; `noRepository` where no folder above has a `.git`.
    public static func top(of path: String) throws(ControllerError) -> GitProject {
        let start = try Folder.real(path)
        if let project = find(from: start) { return project }
        throw ControllerError(
            .noRepository, "\(PrintableText.quoted(start)) is not in a git repository.",
            advice: "Run `git init` there, go to a project, or use --no-git to share the folder as it is.")
    }

    /// - Parameter folder: absolute, without symbolic links.
    /// - Returns: nil where no folder up to the root has a `.git`.
    public static func find(from folder: String) -> GitProject? {
        var next: String? = folder
        while let folder = next {
            if let kind = kind(of: Folder.joined(folder, ".git")) { return GitProject(top: folder, kind: kind) }
            next = Folder.parent(of: folder)
        }
        return nil
    }

    /// git's own rule (`is_git_directory`, setup.c) in short: a folder with a HEAD, or a file that names such a folder.
    private static func kind(of entry: String) -> Kind? {
        var status = stat()
        guard stat(entry, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            var head = stat()
            // lstat: HEAD may be a symbolic link to a branch that has no commit yet.
            return lstat(entry + "/HEAD", &head) == 0 ? .main : nil
        case S_IFREG:
            guard let target = target(ofGitFile: entry) else { return nil }
            let parts = target.split(separator: "/")
            return parts.count >= 2 && parts[parts.count - 2] == "worktrees" ? .linkedWorktree : .separate
        default: return nil
        }
    }

    /// What `gitdir: …` names. Never opened: only its form tells a linked work tree.
    private static func target(ofGitFile path: String) -> String? {
        do throws(SystemError) {
            let bytes = try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: 8192)
            let text = String(decoding: bytes, as: UTF8.self)
            guard text.hasPrefix("gitdir: ") else { return nil }
            let target = text.dropFirst(8).prefix { $0 != "\n" && $0 != "\r\n" && $0 != "\r" }
            return target.isEmpty ? nil : String(target)
        } catch {
            return nil
        }
    }
}
