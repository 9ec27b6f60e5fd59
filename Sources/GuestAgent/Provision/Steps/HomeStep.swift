import AgentProtocol
import Glibc
import LinuxSystem

/// Makes the user's home ready: there, his, mode 0700, with the skeleton's files, the XDG folders, direnv's hook where
/// direnv is installed, and an XDG_RUNTIME_DIR. What he has stays as it is. Of root's home only that it is there.
///
/// What a killed run left out the next one adds: it looks for each thing anew.
enum HomeStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        let user = try guest.user(request)
        var outcome = StepOutcome()
        let home = try place(user, guest, &outcome)
        if user.userID == 0 { return outcome }
        try own(home, user, &outcome)
        try fill(home, user, guest, &outcome)
        if try RuntimeFolder.provide(for: user, guest) { outcome.changed = true }
        return outcome
    }

    /// The home, made where it is missing.
    private static func place(
        _ user: CommandUser, _ guest: ProvisionedGuest, _ outcome: inout StepOutcome
    ) throws(StepFailure) -> GuestFolder {
        let parts = user.home.split(separator: "/")
        guard user.home.hasPrefix("/"), let name = parts.last, !parts.contains(".."), !parts.contains(".") else {
            throw StepFailure("\(user.home) can't be the home of \(user.name)")
        }
        let parentPath = guest.root(parts.dropLast().map { "/\($0)" }.joined() + "/")
        if access(parentPath, F_OK) != 0 { mkdir(parentPath, 0o755) }
        let parent = try GuestFolder(parentPath, followsLink: true)
        // Who may write there could put any folder in the home's place, and we would give it to the user.
        let status = try parent.status()
        guard status.st_uid == geteuid(), status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw StepFailure("\(parentPath), where the home of \(user.name) is, can be changed by others than root")
        }
        if try parent.makeFolder(String(name), mode: 0o700) {
            let home = try parent.folder(String(name))
            try home.setOwner(user.userID, user.groupID)
            outcome = .done("\(user.home) was made.")
            return home
        }
        return try parent.folder(String(name))
    }

    private static func own(
        _ home: borrowing GuestFolder, _ user: CommandUser, _ outcome: inout StepOutcome
    ) throws(StepFailure) {
        let status = try home.status()
        if status.st_uid != user.userID || status.st_gid != user.groupID {
            var repair = OwnerRepair(userID: user.userID, groupID: user.groupID, home: status)
            try repair.run(home)
            outcome.changed = true
            outcome.note(
                "\(user.home) belonged to \(status.st_uid):\(status.st_gid); it and \(repair.changed) files in it are "
                    + "\(user.name)'s now.")
            if repair.suspicious > 0 {
                outcome.note("\(repair.suspicious) files of a system account that have a second name were left.")
            }
        }
        if status.st_mode & 0o7777 != 0o700 {
            try home.setMode(0o700)
            outcome.changed = true
        }
    }

    private static func fill(
        _ home: borrowing GuestFolder, _ user: CommandUser, _ guest: ProvisionedGuest, _ outcome: inout StepOutcome
    ) throws(StepFailure) {
        var skeleton = Skeleton()
        var added = false
        let source = guest.root("/etc/skel")
        let hook = guest.hasProgram("direnv")
        if access(source, F_OK) == 0 {
            let folder = try GuestFolder(source, followsLink: true)
            try ProvisionedGuest.asUser(user) { () throws(StepFailure) in try skeleton.copy(folder, to: home) }
        }
        try ProvisionedGuest.asUser(user) { () throws(StepFailure) in
            for name in [".config", ".cache", ".local"] where try home.makeFolder(name, mode: 0o700) { added = true }
            // Where .local is a link, the user has arranged it to his liking.
            if let local = try? home.folder(".local") {
                for name in ["share", "state"] where try local.makeFolder(name, mode: 0o700) { added = true }
            }
            if hook, try DirenvHook.add(to: home) { added = true }
        }
        if added || skeleton.copied > 0 { outcome.changed = true }
    }
}
