import CLinux
import Glibc

extension InodeHandle {
    /// An entry's status and its mount's number in one call: each costs a round trip on a 9p mount, and a third of
    /// the time of a walk under TCG when `/proc` has to be asked for the number.
    public struct Place: Sendable {
        /// Of `stat(2)`, without sizes, times and `st_rdev`.
        public let status: stat
        public let mountID: Int
        /// The entry is where a mount begins (`STATX_ATTR_MOUNT_ROOT`, Linux 5.8); nil where the kernel doesn't say.
        public let isMountRoot: Bool?

        public var isFolder: Bool { status.st_mode & S_IFMT == S_IFDIR }
    }

    private static let mountIDBit: UInt32 = 0x1000  // STATX_MNT_ID, Linux 5.8.
    private static let mountRootBit: UInt64 = 0x2000  // STATX_ATTR_MOUNT_ROOT.
    private static let basicBits: UInt32 = 0x7FF  // STATX_BASIC_STATS.

    public borrowing func place() throws(SystemError) -> Place {
        var found = statx()
        let raw = rawValue
        try retryingInterrupts("look at an entry") {
            ks_statx(raw, InodeHandle.basicBits | InodeHandle.mountIDBit, &found)
        }
        var status = stat()
        status.st_mode = mode_t(found.stx_mode)
        status.st_uid = found.stx_uid
        status.st_gid = found.stx_gid
        status.st_ino = ino_t(found.stx_ino)
        status.st_nlink = nlink_t(found.stx_nlink)
        status.st_dev = InodeHandle.device(UInt64(found.stx_dev_major), UInt64(found.stx_dev_minor))
        let isRoot =
            found.stx_attributes_mask & InodeHandle.mountRootBit != 0
            ? found.stx_attributes & InodeHandle.mountRootBit != 0 : nil
        let mount = found.stx_mask & InodeHandle.mountIDBit != 0 ? Int(found.stx_mnt_id) : try mountID()
        return Place(status: status, mountID: mount, isMountRoot: isRoot)
    }

    /// As makedev(3) packs it.
    private static func device(_ major: UInt64, _ minor: UInt64) -> dev_t {
        dev_t((major & 0xFFFF_F000) << 32 | (major & 0xFFF) << 8 | (minor & 0xFFFF_FF00) << 12 | minor & 0xFF)
    }

    /// `fchownat(2)` of this very inode, a link itself. `UInt32.max` leaves an id as it is. The kernel clears the set-user
    /// and set-group bits and the capabilities of a file.
    public borrowing func setOwner(_ userID: UInt32, _ groupID: UInt32) throws(SystemError) {
        let raw = rawValue
        try retryingInterrupts("set an owner") {
            fchownat(raw, "", userID, groupID, InodeHandle.emptyPath)
        }
    }

    private static let emptyPath: Int32 = 0x1000  // AT_EMPTY_PATH, which glibc shows only with _GNU_SOURCE.
}
