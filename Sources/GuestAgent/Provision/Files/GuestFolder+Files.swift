import Glibc
import LinuxSystem

extension GuestFolder {
    /// The whole of an ordinary file; nil when there is nothing of that name.
    /// - Throws: also for a link, a FIFO or a device: it is neither followed nor waited for.
    borrowing func read(_ name: String) throws(StepFailure) -> [UInt8]? {
        let before = try status(name)
        guard let before else { return nil }
        try requireOrdinary(name, before)
        return try StepFailure.wrapping { () throws(SystemError) in
            // What it is may have changed since: O_NONBLOCK keeps a FIFO from holding us up.
            let file = try descriptor.open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            var status = stat()
            guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw SystemError("read \(name)", code: EINVAL)
            }
            return try file.readAll(limit: GuestFolder.readLimit)
        }
    }

    private borrowing func requireOrdinary(_ name: String, _ status: stat) throws(StepFailure) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFLNK:
            throw StepFailure(
                "\(path)/\(name) is a symbolic link (on NixOS: into the store, to be changed by its configuration)")
        default: throw StepFailure("\(path)/\(name) is not an ordinary file")
        }
    }

    /// Makes `bytes` the content of a file, which is the old or the new one at any moment, also after a crash.
    ///
    /// The new content is written beside it under a fixed name, so what a killed run leaves is replaced by the next.
    /// - Parameters:
    ///   - mode: of the file; an existing one keeps its own where `keepsMode`.
    ///   - keepsMode: the existing file's owner is kept too.
    ///   - owner: user and group, where they are not who writes.
    borrowing func replace(
        _ name: String, with bytes: [UInt8], mode: mode_t, keepsMode: Bool = true,
        owner: (user: UInt32, group: UInt32)? = nil
    ) throws(StepFailure) {
        let existing = try status(name)
        if let existing { try requireOrdinary(name, existing) }
        let directory = descriptor.rawValue
        let temporary = ".\(name).keystone-new"
        try StepFailure.wrapping { () throws(SystemError) in
            if unlinkat(directory, temporary, 0) != 0, errno != ENOENT { throw SystemError("remove \(temporary)") }
            let file = try descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            do throws(SystemError) {
                try file.writeAll(bytes)
                if keepsMode, let existing {
                    // Root keeps the owner of what it changes; anybody else has files of his own only.
                    if existing.st_uid != geteuid() || existing.st_gid != getegid() {
                        _ = fchown(file.rawValue, existing.st_uid, existing.st_gid)
                    }
                }
                if let owner, fchown(file.rawValue, owner.user, owner.group) != 0 {
                    throw SystemError("set the owner of \(temporary)")
                }
                let mode = keepsMode ? existing.map { $0.st_mode & 0o7777 } ?? mode : mode
                guard fchmod(file.rawValue, mode) == 0 else { throw SystemError("set the mode of \(temporary)") }
                // Without it a machine that is switched off now may find the new name with nothing in it.
                guard fsync(file.rawValue) == 0 || errno == EINVAL else { throw SystemError("write \(path)/\(name)") }
                guard renameat(directory, temporary, directory, name) == 0 else {
                    throw SystemError("replace \(path)/\(name)")
                }
            } catch {
                unlinkat(directory, temporary, 0)
                throw error
            }
        }
    }

    /// Removes a file, whose content is then gone for those who hold it open, too. Of what is no ordinary file only the
    /// name goes.
    borrowing func removeEmptied(_ name: String) throws(StepFailure) {
        let directory = descriptor.rawValue
        try StepFailure.wrapping { () throws(SystemError) in
            if let file = try? descriptor.open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK) { ftruncate(file.rawValue, 0) }
            guard unlinkat(directory, name, 0) == 0 || errno == ENOENT else {
                throw SystemError("remove \(path)/\(name)")
            }
        }
    }
}
