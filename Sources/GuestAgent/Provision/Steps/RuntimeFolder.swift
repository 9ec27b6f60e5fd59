import Glibc

/// XDG_RUNTIME_DIR, which pam_systemd makes at a login and nobody where there is no login: `/run/user/UID`, mode 0700.
enum RuntimeFolder {
    /// - Returns: whether something changed.
    static func provide(for user: CommandUser, _ guest: ProvisionedGuest) throws(StepFailure) -> Bool {
        let path = "/run/user/\(user.userID)"
        for folder in ["/run", "/run/user"] where access(guest.root(folder), F_OK) != 0 {
            mkdir(guest.root(folder), 0o755)
        }
        let parent = try GuestFolder(guest.root("/run/user"))
        var changed = try parent.makeFolder(String(user.userID), mode: 0o700)
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
