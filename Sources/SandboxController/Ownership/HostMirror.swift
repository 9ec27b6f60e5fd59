import Glibc
import LinuxSystem

/// The other way round on a `mapped` share: what the guest said of a file's mode, made true on the host.
///
/// QEMU makes every file 0600 and every folder 0700, of its own user, and keeps in `user.virtfs.mode` what the guest asked for
/// (`local_set_xattrat` in hw/9pfs/9p-local.c). Of that the host gets:
///
/// - for the owner the `x` of a file as the guest says; `r` and `w`, and all three of a folder, stay as they are, since QEMU
///   without capabilities needs them to open it, and even to change its attributes;
/// - for group and others `r` and `x` as the guest says, where the project's own folder gives them too, and never a `w` that
///   the host has not given itself;
/// - never set-uid, set-group or sticky, and nothing at all for a file that carries one of the first two already;
/// - where root runs QEMU for somebody else's project, the files go to the owner of the project.
///
/// Whoever changed the mode last is right: `user.keystone.mode` remembers what was mirrored, so a `chmod` of the host is told
/// from one of the guest, and told to the guest. The guest can write that attribute, which gains it nothing: the
/// host's mode is then taken for newer than its own.
///
/// A file with a second name is left alone. It might be outside of the project, where a guest has no say, and giving it to
/// the project's owner would make them a present of it.
struct HostMirror: Sendable {
    static let guestMode = "user.virtfs.mode"
    static let remembered = "user.keystone.mode"

    /// Who gets what QEMU made as root; nil where nobody does.
    let newOwner: FileOwner?
    /// Whose mode is the host's alone: the project's folder.
    private let top: (device: dev_t, inode: ino_t)
    /// What its folder gives to group and others, but writing.
    private let open: mode_t
    private let isDryRun: Bool

    /// - Parameter top: of the project's folder.
    init(owner: FileOwner, top: stat, isDryRun: Bool = false) {
        self.isDryRun = isDryRun
        newOwner = geteuid() == 0 && !owner.isRoot ? owner : nil
        self.top = (top.st_dev, top.st_ino)
        open = top.st_mode & 0o055
    }

    /// - Returns: whether something had to be changed, on either side.
    func apply(_ entry: borrowing InodeHandle, _ status: stat) throws(SystemError) -> Bool {
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFDIR || (kind == S_IFREG && status.st_nlink == 1 && status.st_mode & (S_ISUID | S_ISGID) == 0),
            status.st_ino != top.inode || status.st_dev != top.device,
            geteuid() == 0 || status.st_uid == geteuid(),
            let guest = try Self.value(of: Self.guestMode, entry)
        else { return false }
        var changed = false
        if let newOwner, status.st_uid == 0 {
            if !isDryRun { try entry.setOwner(newOwner.userID, newOwner.groupID) }
            changed = true
        }
        // QEMU keeps links, FIFOs, sockets and devices of the guest in ordinary files, which nobody should execute.
        guard mode_t(guest) & S_IFMT == kind else { return changed }
        return try mirror(entry, status, guest: guest) || changed
    }

    private func mirror(_ entry: borrowing InodeHandle, _ status: stat, guest: UInt32) throws(SystemError) -> Bool {
        let real = status.st_mode & 0o7777
        let last = try Self.value(of: Self.remembered, entry).map(Memory.init)
        if let last, last.guest == mode_t(truncatingIfNeeded: guest) {
            guard last.host != real else { return false }
            // The host has changed it since.
            let told = status.st_mode & S_IFMT | real & 0o777
            if !isDryRun {
                try Self.set(Self.guestMode, entry, UInt32(told))
                try Self.set(Self.remembered, entry, Memory(guest: told, host: real).value)
            }
            return true
        }
        let wanted = Self.mode(guest: mode_t(guest), real: status.st_mode, open: open)
        if !isDryRun {
            if wanted != real { try entry.setMode(wanted) }
            try Self.set(Self.remembered, entry, Memory(guest: mode_t(guest), host: wanted).value)
        }
        return true
    }

    /// - Parameters:
    ///   - real: with its type.
    ///   - open: what group and others may get at most, besides what they have.
    static func mode(guest: mode_t, real: mode_t, open: mode_t) -> mode_t {
        let isFolder = real & S_IFMT == S_IFDIR
        let owner = isFolder ? real & S_IRWXU : guest & S_IXUSR | real & (S_IRUSR | S_IWUSR)
        // Bits beyond 0777 are the host's own: a folder's set-group bit stays.
        return owner | guest & 0o077 & (open | real & 0o077) | real & 0o7000
    }

    /// Two modes in one attribute.
    struct Memory {
        /// As in `user.virtfs.mode` then, with its type.
        let guest: mode_t
        /// Without its type.
        let host: mode_t

        init(guest: mode_t, host: mode_t) {
            self.guest = guest & 0xFFFF
            self.host = host & 0o7777
        }

        init(_ value: UInt32) { self.init(guest: value & 0xFFFF, host: value >> 16) }
        var value: UInt32 { host << 16 | guest }
    }

    /// - Returns: nil when it is not there or not one of QEMU's 4 bytes.
    private static func value(of name: String, _ entry: borrowing InodeHandle) throws(SystemError) -> UInt32? {
        var value: UInt32 = 0
        do throws(SystemError) {
            let count = try withUnsafeMutableBytes(of: &value) { (bytes) throws(SystemError) in
                try entry.attribute(name, into: bytes)
            }
            return count == 4 ? UInt32(littleEndian: value) : nil
        } catch {
            switch error.code {
            case ENODATA, ERANGE, ENOTSUP: return nil
            default: throw error
            }
        }
    }

    private static func set(_ name: String, _ entry: borrowing InodeHandle, _ value: UInt32) throws(SystemError) {
        try withUnsafeBytes(of: value.littleEndian) { (bytes) throws(SystemError) in
            try entry.setAttribute(name, to: bytes)
        }
    }
}
