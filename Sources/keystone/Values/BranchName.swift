import SandboxController

/// A git branch as part of a path in the guest: `/workspace/.worktrees/BRANCH`.
enum BranchName {
    static let worktreesFolder = "/workspace/.worktrees"

    /// The work tree of a branch. The rules of git-check-ref-format(1) that keep it inside that folder, and more: no part
    /// may begin with a dot, and no control character may be in it.
    /// - Throws: `usage`.
    static func worktree(_ branch: String) throws(ControllerError) -> String {
        let parts = branch.split(separator: "/", omittingEmptySubsequences: false)
        let forbidden = branch.unicodeScalars.contains {
            $0.value <= 0x20 || $0.value == 0x7F || "~^:?*[\\".unicodeScalars.contains($0)
        }
        let sound = !parts.contains { $0.isEmpty || $0.hasPrefix(".") || $0.hasSuffix(".lock") }
        guard sound, !forbidden, !branch.hasPrefix("-"), !branch.contains(".."), !branch.contains("@{"),
            branch.utf8.count <= 255
        else {
            throw ControllerError(.usage, "--worktree \(PrintableText.quoted(branch)) is not the name of a branch.")
        }
        return worktreesFolder + "/" + branch
    }
}
