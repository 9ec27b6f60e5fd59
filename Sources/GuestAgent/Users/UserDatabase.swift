import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization

/// `/etc/passwd` and `/etc/group`, read by ourselves: a static binary has no NSS (ARCHITECTURE).
///
/// Concurrency: any thread may ask. Answers are kept until one of the files changes, which costs two `fstat(2)` each time.
final class UserDatabase: Sendable {
    /// An account file held open: `fstat(2)` tells of a change in place, and of a replacement too, because the replaced file
    /// then has no name left. A path walk for each command would cost ten times as much.
    private struct Watched: ~Copyable {
        private let file: FileDescriptor
        private let before: stat

        init(_ path: String) {
            file = (try? FileDescriptor.open(path, O_RDONLY)) ?? FileDescriptor(owning: -1)
            var status = stat()
            _ = fstat(file.rawValue, &status)
            before = status
        }

        /// A file that was missing may have come since, so it never counts as unchanged.
        var isUnchanged: Bool {
            var now = stat()
            return fstat(file.rawValue, &now) == 0 && now.st_nlink > 0 && now.st_size == before.st_size
                && now.st_mtim.tv_sec == before.st_mtim.tv_sec && now.st_mtim.tv_nsec == before.st_mtim.tv_nsec
        }
    }

    private struct Cache: ~Copyable {
        var passwd: Watched
        var group: Watched
        var answers: [(specification: String, user: CommandUser)] = []
    }

    private let passwdPath: String
    private let groupPath: String
    private let cache: Mutex<Cache>

    init(passwd: String = "/etc/passwd", group: String = "/etc/group") {
        passwdPath = passwd
        groupPath = group
        cache = Mutex(Cache(passwd: Watched(passwd), group: Watched(group)))
    }

    /// - Parameter specification: `NAME` or `UID`, optionally `:GROUP` or `:GID`.
    func user(_ specification: String) throws(Refusal) -> CommandUser {
        let known = cache.withLock { cache -> CommandUser? in
            if !cache.passwd.isUnchanged || !cache.group.isUnchanged {
                cache = Cache(passwd: Watched(passwdPath), group: Watched(groupPath))
            }
            return cache.answers.first { $0.specification == specification }?.user
        }
        if let known { return known }
        // Read after the files were looked at, so a change in between at worst is found again the next time.
        let answer = try lookUp(specification)
        cache.withLock { cache in
            if cache.answers.count >= 16 { cache.answers.removeAll() }
            cache.answers.append((specification, answer))
        }
        return answer
    }

    private func lookUp(_ specification: String) throws(Refusal) -> CommandUser {
        let parts = specification.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let wanted = parts.first, !wanted.isEmpty else { throw Refusal(.noSuchUser, "The user's name is empty.") }
        let accounts = AccountFile.read(passwdPath)
        let groups = AccountFile.read(groupPath)
        var user: CommandUser
        if let line = accounts.first(where: { $0.name == wanted })
            ?? AccountFile.number(wanted).flatMap({ number in
                accounts.first { $0.number(2) == number }
            })
        {
            guard let userID = line.number(2), let groupID = line.number(3) else {
                throw Refusal(.noSuchUser, "The guest's entry for user \(wanted) in \(passwdPath) is broken.")
            }
            user = CommandUser(
                name: line.name, userID: userID, groupID: groupID, home: line.field(5), shell: line.field(6))
        } else if let number = AccountFile.number(wanted) {
            // Root works without any passwd file. Another number nobody has gets the group of the same number, not root's.
            user = CommandUser(
                name: number == 0 ? "root" : wanted, userID: number, groupID: number, home: number == 0 ? "/root" : "/",
                shell: "")
        } else if wanted == "root" {
            user = CommandUser(name: "root", userID: 0, groupID: 0, home: "/root", shell: "")
        } else {
            throw Refusal(.noSuchUser, "There is no user \(wanted) in the guest.")
        }
        user.groups = groups.filter { $0.members(3).contains(user.name) }.compactMap { $0.number(2) }
        if parts.count == 2 {
            let line = groups.first { $0.name == parts[1] }
            guard let groupID = line?.number(2) ?? AccountFile.number(parts[1]) else {
                throw Refusal(.noSuchUser, "There is no group \(parts[1]) in the guest.")
            }
            user.groupID = groupID
            // As docker does: who names a group gets that group and no other.
            user.groups = []
        }
        return user
    }
}
