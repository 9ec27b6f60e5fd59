import AgentProtocol
import Glibc
import LinuxSystem

/// Tells git who commits and what it may trust, in a block of `/etc/gitconfig`: the file every git reads first, so that what
/// the user sets in `~/.gitconfig` or a repository wins.
enum GitStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        let lines = try GitConfigText.lines(identity: request.gitIdentity, safeDirectories: request.safeDirectories)
        let etc = try GuestFolder(guest.root("/etc"), followsLink: true)
        let text = try etc.read("gitconfig") ?? []
        let better = try ManagedBlock.numberSign.replacing(in: text, with: lines, file: "/etc/gitconfig")
        if better == text { return .unchanged }
        try etc.replace("gitconfig", with: better, mode: 0o644)
        return .done(
            request.gitIdentity == nil
                ? "Git trusts the workspace." : "Commits are by \(request.gitIdentity?.name ?? "").")
    }
}
