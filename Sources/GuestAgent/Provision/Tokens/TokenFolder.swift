import AgentProtocol
import Glibc
import LinuxSystem

/// The folder in the guest's memory that has each token as a file: mode 0400, the sandbox user's.
///
/// The folder itself is root's, open to the user's group: its user reads what is in it and can plant nothing there, so no
/// link or folder of theirs ever stands in the way of a rotation or of a revocation.
struct TokenFolder: ~Copyable {
    static let path = "/run/keystone/tokens"
    /// Of its tmpfs: room for all tokens twice, as at a rotation.
    static let mountOptions = "mode=0750,size=2m,nr_inodes=512"

    private let folder: GuestFolder
    private(set) var changed = false

    /// - Returns: nil where there is none and none is needed.
    /// - Throws: also where the folder would not be in memory.
    init?(_ guest: ProvisionedGuest, isNeeded: Bool) throws(StepFailure) {
        let path = guest.root(TokenFolder.path)
        if access(path, F_OK) != 0 {
            guard isNeeded else { return nil }
            for folder in ["/run", "/run/keystone", TokenFolder.path] where access(guest.root(folder), F_OK) != 0 {
                mkdir(guest.root(folder), folder == TokenFolder.path ? 0o700 : 0o755)
            }
            changed = true
        }
        // Before anything is written: what is not in memory is on a disk.
        if isNeeded {
            try StepFailure.wrapping { () throws(SystemError) in
                try guest.machine.provideMemory(at: path, options: TokenFolder.mountOptions, executable: false)
            }
        }
        folder = try GuestFolder(path)
    }

    /// Makes the files those of `tokens`, each whole at any moment. Files of others are emptied and removed: a process that
    /// holds one open reads nothing from then on.
    mutating func hold(_ tokens: [ProvisionRequest.Token], for user: CommandUser) throws(StepFailure) {
        try own(user)
        for token in tokens where try !isRight(token, user) {
            var bytes = token.value.reveal()
            defer { SecretMemory.wipe(&bytes) }
            try folder.replace(
                token.name, with: bytes, mode: 0o400, keepsMode: false, owner: (user.userID, user.groupID))
            changed = true
        }
        let names = Set(tokens.map(\.name))
        for name in try folder.names() where !names.contains(name) {
            try folder.removeEmptied(name)
            changed = true
        }
    }

    private mutating func own(_ user: CommandUser) throws(StepFailure) {
        let status = try folder.status()
        if status.st_uid != 0 || status.st_gid != user.groupID {
            try folder.setOwner(0, user.groupID)
            changed = true
        }
        if status.st_mode & 0o7777 != 0o750 {
            try folder.setMode(0o750)
            changed = true
        }
    }

    private borrowing func isRight(_ token: ProvisionRequest.Token, _ user: CommandUser) throws(StepFailure) -> Bool {
        guard let status = try folder.status(token.name), status.st_mode == S_IFREG | 0o400,
            status.st_uid == user.userID, status.st_gid == user.groupID, status.st_size == token.value.count,
            var bytes = try folder.read(token.name)
        else { return false }
        defer { SecretMemory.wipe(&bytes) }
        return TokenValue(bytes) == token.value
    }
}
