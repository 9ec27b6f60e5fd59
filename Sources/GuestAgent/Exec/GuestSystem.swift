import Glibc
import LinuxSystem
import Synchronization

/// What commands find in this guest.
///
/// Concurrency: any thread may ask.
final class GuestSystem: Sendable {
    static let workspace = "/workspace"

    let users: UserDatabase
    let systemPath: CommandUser.BaseEntry
    /// `/dev/null`, open for good: the stdin of commands that get none.
    let nothing: FileDescriptor
    /// Who the agent is: a command of the same needs no change of ids.
    let ownIdentity = SpawnRequest.Identity.ownProcess()
    private let workspaceMounted = Atomic<Bool>(false)

    /// - Parameter root: whose account files say who is who.
    init(root: GuestRoot = .own) throws(SystemError) {
        users = UserDatabase(passwd: root("/etc/passwd"), group: root("/etc/group"))
        // NixOS has nothing in the standard places.
        let isNixOS = access("/run/current-system/sw/bin", F_OK) == 0
        let path = (isNixOS ? "/run/wrappers/bin:/run/current-system/sw/bin:" : "") + CommandEnvironment.standardPath
        systemPath = CommandUser.BaseEntry("PATH", path)
        nothing = try FileDescriptor.open("/dev/null", O_RDWR)
    }

    /// Where a command starts when its request does not say: the workspace where one is mounted, else the user's
    /// home, else the root directory.
    func defaultDirectory(of user: CommandUser) -> String {
        if hasWorkspace { return GuestSystem.workspace }
        var status = stat()
        return stat(user.home, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? user.home : "/"
    }

    private var hasWorkspace: Bool {
        if workspaceMounted.load(ordering: .relaxed) { return true }
        var (root, share) = (stat(), stat())
        guard stat("/", &root) == 0, stat(GuestSystem.workspace, &share) == 0, root.st_dev != share.st_dev else {
            return false
        }
        workspaceMounted.store(true, ordering: .relaxed)
        return true
    }
}
