import CLinux
import Glibc

/// Who this thread is to the file system (setfsuid(2)), apart from who it is otherwise.
///
/// Root that works in a folder of somebody else's can be led astray by a link, a rename or a mount in the middle of its
/// work. As that somebody it can do no more than he could do himself: the kernel checks each call, and takes the
/// capabilities that pass over file permissions away for as long (capabilities(7), "Effect of user ID changes").
public enum FileIdentity {
    /// Makes the calling thread `userID` and `groupID` for file access until `restore()`.
    /// - Throws: `EPERM` where the thread may not; it is then as before.
    public static func assume(userID: UInt32, groupID: UInt32) throws(SystemError) {
        // The group first: afterwards the thread may be without the right to. Neither call tells of a failure but by asking
        // again with an id that nobody has.
        setfsgid(groupID)
        setfsuid(userID)
        if UInt32(bitPattern: setfsuid(.max)) == userID, UInt32(bitPattern: setfsgid(.max)) == groupID { return }
        restore()
        throw SystemError("access files as user \(userID)", code: EPERM)
    }

    /// The thread accesses files as who it is.
    public static func restore() {
        setfsuid(geteuid())
        setfsgid(getegid())
    }
}
