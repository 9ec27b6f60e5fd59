import Glibc
import LinuxSystem

/// Who commands run as, kept for an agent that is restarted: until the host provisions it again, commands would otherwise
/// run as root. In `/run`, so it ends with the boot, and only root can write there.
enum RememberedUser {
    private static let name = "keystone-user"

    /// - Returns: nil where nobody was remembered.
    static func read(_ root: GuestRoot) -> String? {
        guard let text = try? SmallFile.read(root("/run/\(name)"), limit: 64) else { return nil }
        let user = String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return UserStep.isValid(user) ? user : nil
    }

    /// - Returns: whether it was somebody else before.
    static func write(_ user: String, _ guest: ProvisionedGuest) throws(StepFailure) -> Bool {
        let before = read(guest.root)
        if user == before { return false }
        // Also where commands ran as him already: units of a systemd guest wait for the file (guest-module/agent-mcp.nix).
        let run = try GuestFolder(guest.root("/run"), followsLink: true)
        try run.replace(name, with: Array("\(user)\n".utf8), mode: 0o644, keepsMode: false)
        return user != before ?? guest.defaults.current.user
    }
}
