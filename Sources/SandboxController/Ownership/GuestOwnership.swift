import Glibc
import LinuxSystem

/// The owner that one file or folder has in the guest: on a `mapped-xattr` share QEMU shows `user.virtfs.uid` and
/// `user.virtfs.gid` (4 bytes each, little-endian; `local_mapped_attr_to_stat` and `local_lstat` in QEMU's hw/9pfs/9p-local.c)
/// where they are, and the real ids where not.
struct GuestOwnership {
    private static let user = "user.virtfs.uid"
    private static let group = "user.virtfs.gid"
    /// What the owner needs to read and write `user.*` attributes.
    private static let readWrite = S_IRUSR | S_IWUSR

    let owner: FileOwner
    let isDryRun: Bool
    /// For what the guest has not said anything about: with an owner from the guest a file was made there, or given to
    /// somebody there, and not everything in a guest is the same user's.
    var onlyUnsaid = false

    /// - Returns: whether something had to be changed (or, in a dry run, would have to be).
    func fix(_ entry: borrowing InodeHandle, _ status: stat) throws(SystemError) -> Bool {
        do throws(SystemError) {
            return try apply(entry, status)
        } catch {
            // An inode without the write bit refuses `user.*` even to its owner, who may lend it one (every object in .git
            // is 0444). A set-group bit would be lost on the way back to whoever is not in that group.
            guard error.code == EACCES, status.st_uid == geteuid(), status.st_mode & Self.readWrite != Self.readWrite,
                status.st_mode & S_ISGID == 0 || status.st_gid == getegid(), !isDryRun
            else { throw error }
        }
        let mode = status.st_mode & 0o7777
        try entry.setMode(mode | Self.readWrite)
        let result: Result<Bool, SystemError>
        do throws(SystemError) { result = .success(try apply(entry, status)) } catch { result = .failure(error) }
        try entry.setMode(mode)
        return try result.get()
    }

    private func apply(_ entry: borrowing InodeHandle, _ status: stat) throws(SystemError) -> Bool {
        let userIsRight = try value(of: Self.user, entry, real: status.st_uid) == owner.userID
        let groupIsRight = try value(of: Self.group, entry, real: status.st_gid) == owner.groupID
        if userIsRight && groupIsRight { return false }
        if isDryRun {
            guard geteuid() == 0 || status.st_uid == geteuid() || entry.isWritable else {
                throw SystemError("set an owner", code: EACCES)
            }
            return true
        }
        do throws(SystemError) {
            if !userIsRight { try set(Self.user, entry, owner.userID) }
            if !groupIsRight { try set(Self.group, entry, owner.groupID) }
        } catch {
            // QEMU sets a new file's owner right after making it: then the guest has had its say, whose word stands.
            guard onlyUnsaid, error.code == EEXIST else { throw error }
        }
        return true
    }

    /// - Returns: nil for an attribute that is too short to mean anything for sure.
    private func value(of name: String, _ entry: borrowing InodeHandle, real: UInt32) throws(SystemError) -> UInt32? {
        var value: UInt32 = 0
        do throws(SystemError) {
            let count = try withUnsafeMutableBytes(of: &value) { (bytes) throws(SystemError) in
                try entry.attribute(name, into: bytes)
            }
            if onlyUnsaid { return name == Self.user ? owner.userID : owner.groupID }
            return count == 4 ? UInt32(littleEndian: value) : count == 0 ? real : nil
        } catch {
            switch error.code {
            // QEMU reads into 4 bytes, so a longer one fails there, too, and the real id counts.
            case ENODATA, ERANGE: return real
            case ENOTSUP where real == (name == Self.user ? owner.userID : owner.groupID): return real
            default: throw error
            }
        }
    }

    private func set(_ name: String, _ entry: borrowing InodeHandle, _ id: UInt32) throws(SystemError) {
        try withUnsafeBytes(of: id.littleEndian) { (bytes) throws(SystemError) in
            try entry.setAttribute(name, to: bytes, onlyNew: onlyUnsaid)
        }
    }
}
