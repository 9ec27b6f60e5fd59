import Glibc
import LinuxSystem

/// XDG_RUNTIME_DIR, which pam_systemd makes at a login and nobody where there is no login: `/run/user/UID`, mode 0700.
///
/// Under systemd it is a mount of its own, as logind would make it. logind leaves one that is there alone (`user-runtime-dir`
/// of systemd), and would hide a plain folder under its mount with the first login over SSH, sockets of sessions and all.
enum RuntimeFolder {
    private static let systemd = "/run/systemd/system"

    /// - Returns: whether something changed.
    static func provide(for user: CommandUser, _ guest: ProvisionedGuest) throws(StepFailure) -> Bool {
        let path = "/run/user/\(user.userID)"
        for folder in ["/run", "/run/user"] where access(guest.root(folder), F_OK) != 0 {
            mkdir(guest.root(folder), 0o755)
        }
        let parent = try GuestFolder(guest.root("/run/user"))
        var changed = try parent.makeFolder(String(user.userID), mode: 0o700)
        if access(guest.root(systemd), F_OK) == 0 {
            // A tenth of the machine's memory, as logind has it.
            let options = "mode=0700,uid=\(user.userID),gid=\(user.groupID),size=10%"
            try StepFailure.wrapping { () throws(SystemError) in
                try guest.machine.provideMemory(at: guest.root(path), options: options, executable: true)
            }
        }
        let folder = try parent.folder(String(user.userID))
        let status = try folder.status()
        if status.st_uid != user.userID || status.st_gid != user.groupID {
            try folder.setOwner(user.userID, user.groupID)
            changed = true
        }
        if status.st_mode & 0o7777 != 0o700 {
            try folder.setMode(0o700)
            changed = true
        }
        let entry = SessionDefaults.RuntimeEntry(
            userID: user.userID, entry: Array("XDG_RUNTIME_DIR=\(path)".utf8))
        return guest.defaults.change { $0.runtimeEntry = entry } || changed
    }
}
