import Glibc
import LinuxSystem

/// A small private file that is only ever replaced whole.
enum AtomicFile {
    /// Puts new contents in a file's place in one step: whoever reads it, and whatever dies when, sees the old contents
    /// or the new, whole. Mode 0600, on the disk when this returns.
    /// - Precondition: one writer at a time (the registry's lock): the temporary file's name is always the same, so
    ///   that a killed writer leaves at most one behind.
    /// - Throws: `noSpace`, `permission` …; the file is as before then.
    static func replace(_ path: String, with bytes: [UInt8]) throws(ControllerError) {
        do throws(SystemError) {
            try PrivateFiles.replace(path, with: bytes, through: path + ".tmp")
        } catch {
            throw FileFailure.writing(path, error)
        }
        // The rename itself must reach the disk; where a file system can't flush a folder it still is atomic.
        PrivateFiles.syncFolder(Folder.parent(of: path) ?? "/")
    }

    /// - Returns: nil when there is no such file.
    /// - Throws: `permission`, or `internal` for a file larger than `limit` bytes.
    static func read(_ path: String, limit: Int) throws(ControllerError) -> [UInt8]? {
        do throws(SystemError) {
            return try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: limit)
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            throw FileFailure.reading(path, error)
        }
    }
}
