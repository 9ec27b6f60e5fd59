import Glibc
import LinuxSystem

/// A folder of the guest, held by descriptor. Its entries are reached by name from there and no link is followed, so what
/// the folder's owner does to the path meanwhile leads no access elsewhere.
struct GuestFolder: ~Copyable {
    /// Account files, settings and skeletons are far smaller.
    static let readLimit = 4 * 1024 * 1024

    /// For sentences.
    let path: String
    let descriptor: FileDescriptor

    /// - Parameter followsLink: only for a path that root alone can change.
    init(_ path: String, followsLink: Bool = false) throws(StepFailure) {
        self.path = path
        do throws(SystemError) {
            descriptor = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY | (followsLink ? 0 : O_NOFOLLOW))
        } catch {
            throw GuestFolder.failure(path, error)
        }
    }

    private init(_ path: String, _ descriptor: consuming FileDescriptor) {
        self.path = path
        self.descriptor = descriptor
    }

    borrowing func folder(_ name: String) throws(StepFailure) -> GuestFolder {
        let path = "\(path)/\(name)"
        do throws(SystemError) {
            return GuestFolder(path, try descriptor.open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        } catch {
            throw GuestFolder.failure(path, error)
        }
    }

    private static func failure(_ path: String, _ error: SystemError) -> StepFailure {
        error.code == ELOOP || error.code == ENOTDIR
            ? StepFailure("\(path) is a link or no folder, and is not followed") : StepFailure(error)
    }

    /// - Returns: whether it was made; false when something of that name is there, whatever it is.
    borrowing func makeFolder(_ name: String, mode: mode_t) throws(StepFailure) -> Bool {
        if mkdirat(descriptor.rawValue, name, mode) == 0 { return true }
        if errno == EEXIST { return false }
        throw StepFailure(SystemError("make \(path)/\(name)"))
    }

    /// What is there under that name, a link itself and not what it names; nil when nothing is.
    borrowing func status(_ name: String) throws(StepFailure) -> stat? {
        var status = stat()
        if fstatat(descriptor.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
        if errno == ENOENT { return nil }
        throw StepFailure(SystemError("look at \(path)/\(name)"))
    }

    /// Of the folder itself.
    borrowing func status() throws(StepFailure) -> stat {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw StepFailure(SystemError("look at \(path)")) }
        return status
    }

    borrowing func setMode(_ mode: mode_t) throws(StepFailure) {
        guard fchmod(descriptor.rawValue, mode) == 0 else { throw StepFailure(SystemError("set the mode of \(path)")) }
    }

    borrowing func setOwner(_ userID: UInt32, _ groupID: UInt32) throws(StepFailure) {
        guard fchown(descriptor.rawValue, userID, groupID) == 0 else {
            throw StepFailure(SystemError("set the owner of \(path)"))
        }
    }

    /// Names but `.` and `..`, in the order of their bytes.
    borrowing func names() throws(StepFailure) -> [String] {
        // A descriptor of its own: reading moves the offset, and closedir closes it.
        let own = try StepFailure.wrapping { () throws(SystemError) in try descriptor.open(".", O_RDONLY | O_DIRECTORY)
        }
        let number = own.release()
        guard let stream = fdopendir(number) else {
            let error = SystemError("list \(path)")
            close(number)
            throw StepFailure(error)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
