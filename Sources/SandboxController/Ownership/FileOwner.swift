import Glibc
import LinuxSystem

/// Who a file belongs to, or should.
public struct FileOwner: Hashable, Sendable, CustomStringConvertible {
    public let userID: UInt32
    public let groupID: UInt32

    public init(userID: UInt32, groupID: UInt32) {
        self.userID = userID
        self.groupID = groupID
    }

    /// As chown(1) takes it.
    public var description: String { "\(userID):\(groupID)" }
    var isRoot: Bool { userID == 0 }

    /// The guest's user is made to fit the files: it takes the ids of whoever owns the project's folder.
    /// - Throws: `badPath` when there is no such folder.
    public static func ofProject(_ path: String) throws(ControllerError) -> FileOwner {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw ControllerError(.badPath, "The project \(PrintableText.quoted(path)) is not a folder.")
        }
        return FileOwner(userID: status.st_uid, groupID: status.st_gid)
    }
}
