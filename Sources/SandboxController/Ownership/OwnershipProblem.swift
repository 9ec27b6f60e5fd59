import Glibc
import LinuxSystem

/// Why an entry's owner could not be made right.
public enum OwnershipProblem: Hashable, Sendable {
    /// Only files and folders can carry `user.*` attributes (xattr(7)).
    case symbolicLink, pipe, socket, device
    /// It is on another mount than the project, where the walk does not go.
    case otherMount
    /// `EACCES` or `EPERM`: of another user, or immutable.
    case notPermitted
    /// The names in a folder can't be read, so nothing below it was looked at.
    case closedFolder
    case readOnly
    /// The file system has no `user.*` attributes.
    case noAttributes
    case noSpace
    /// Deeper than `TreeWalk.maximumDepth` folders.
    case tooDeep
    /// In the guest only: a file of a system account with a second name.
    case hardLink
    case other(errno: Int32)

    init(_ error: SystemError) {
        self =
            switch error.code {
            case EACCES, EPERM: .notPermitted
            case EROFS: .readOnly
            case ENOTSUP: .noAttributes
            case ENOSPC, EDQUOT: .noSpace
            default: .other(errno: error.code)
            }
    }

    init(_ gap: TreeGap) {
        self =
            switch gap {
            case .otherMount: .otherMount
            case .closedFolder: .closedFolder
            case .tooDeep: .tooDeep
            case .failed(let error): OwnershipProblem(error)
            }
    }

    /// For what `lstat(2)` calls neither file nor folder.
    init(special mode: mode_t) {
        self =
            switch mode & S_IFMT {
            case S_IFLNK: .symbolicLink
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            default: .device
            }
    }

    /// One word for scripts.
    public var code: String {
        switch self {
        case .symbolicLink: "symbolicLink"
        case .pipe: "pipe"
        case .socket: "socket"
        case .device: "device"
        case .otherMount: "otherMount"
        case .notPermitted: "notPermitted"
        case .closedFolder: "closedFolder"
        case .readOnly: "readOnly"
        case .noAttributes: "noAttributes"
        case .noSpace: "noSpace"
        case .tooDeep: "tooDeep"
        case .hardLink: "hardLink"
        case .other(let errno): "errno\(errno)"
        }
    }

    /// Why, to stand behind a count and a colon.
    public var reason: String {
        switch self {
        case .symbolicLink: "a symbolic link can't carry an owner for the guest"
        case .pipe: "a FIFO can't carry an owner for the guest"
        case .socket: "a socket can't carry an owner for the guest"
        case .device: "a device file can't carry an owner for the guest"
        case .otherMount: "it is on another mount"
        case .notPermitted: "it belongs to another user of this host, or is immutable"
        case .closedFolder: "the folder can't be read"
        case .readOnly: "the file system is read-only"
        case .noAttributes: "the file system has no extended attributes for users"
        case .noSpace: "the disk is full"
        case .tooDeep: "it lies deeper than \(TreeWalk.maximumDepth) folders"
        case .hardLink: "it has another name, which may lie elsewhere"
        case .other(let errno): SystemError.message(for: errno)
        }
    }

    /// What to do about it: a sentence.
    /// - Parameter owner: as chown(1) takes it.
    public func advice(owner: FileOwner) -> String {
        switch self {
        case .symbolicLink, .pipe, .socket, .device:
            "Change the owner on the host itself: `chown -h \(owner) PATH`."
        case .otherMount: "Change the owners on the host itself, or mount nothing in the project."
        case .notPermitted: "Run this as root or as the owner of these files, and see `lsattr`."
        case .closedFolder: "Open the folder with `chmod u+rx` and run this again."
        case .readOnly: "Mount the file system for writing."
        case .noAttributes: "Move the project to a file system with extended attributes, such as ext4, XFS or Btrfs."
        case .noSpace: "Free some space and run this again."
        case .tooDeep, .hardLink, .other: "Run this again with a PATH nearer to them."
        }
    }
}
