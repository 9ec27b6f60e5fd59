import CLinux
import Glibc

/// One entry of a file system, whatever it is, held by descriptor without being opened for use (`O_PATH`): no driver is
/// woken, no FIFO's writer is let go, no permission on the entry itself is needed, and a symbolic link is the link.
///
/// What needs a path (attributes, mode) goes by `/proc/self/fd/N`, which leads to this very inode however it was renamed.
public struct InodeHandle: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    var rawValue: Int32 { descriptor.rawValue }

    /// `openat(2)` of one name, a link not followed.
    /// - Parameters:
    ///   - name: ends with NUL; bytes, since a file's name need not be UTF-8. No `/` in it.
    ///   - folderOnly: refuses whatever is not a folder with `ENOTDIR`.
    public init(_ name: UnsafePointer<CChar>, in folder: borrowing InodeHandle, folderOnly: Bool = false)
        throws(SystemError)
    {
        let (parent, flags) = (folder.descriptor.rawValue, InodeHandle.flags(folderOnly))
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("open \(String(cString: name))") { openat(parent, name, flags) })
    }

    /// A folder by its path; the last part may not be a link.
    public init(folder path: String) throws(SystemError) {
        descriptor = try FileDescriptor.open(path, InodeHandle.flags(true))
    }

    private static func flags(_ folderOnly: Bool) -> Int32 {
        Int32(KS_O_PATH) | O_NOFOLLOW | O_CLOEXEC | (folderOnly ? O_DIRECTORY : 0)
    }

    public borrowing func duplicate() throws(SystemError) -> InodeHandle {
        InodeHandle(descriptor: try descriptor.duplicate())
    }
    private init(descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// `fstat(2)`.
    public borrowing func status() throws(SystemError) -> stat {
        var result = stat()
        let raw = descriptor.rawValue
        try retryingInterrupts("look at an entry") { fstat(raw, &result) }
        return result
    }

    /// `st_dev` is the same on both sides of a bind mount; this is not (`mnt_id` of proc(5), `/proc/PID/fdinfo`).
    public borrowing func mountID() throws(SystemError) -> Int {
        let file = withPath("/proc/self/fdinfo/") { open($0, O_RDONLY | O_CLOEXEC) }
        guard file >= 0 else { throw SystemError("read a mount's number") }
        defer { close(file) }
        return try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer throws(SystemError) -> Int in
            let count = Glibc.read(file, buffer.baseAddress, buffer.count)
            guard count > 0 else { throw SystemError("read a mount's number") }
            for line in buffer[..<count].split(separator: UInt8(ascii: "\n")) where line.starts(with: "mnt_id:".utf8) {
                let digits = line.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
                return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            }
            throw SystemError("read a mount's number", code: ENODATA)
        }
    }

    /// `getxattr(2)`. - Returns: how many bytes it has.
    /// - Throws: `ENODATA` when there is none, `ERANGE` when the buffer is too small.
    public borrowing func attribute(_ name: String, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError)
        -> Int
    {
        try retryingInterrupts("read attribute \(name)") {
            withPath { getxattr($0, name, buffer.baseAddress, buffer.count) }
        }
    }

    /// `setxattr(2)`.
    /// - Parameter onlyNew: leaves an attribute that is there as it is, and fails with `EEXIST`.
    public borrowing func setAttribute(_ name: String, to value: UnsafeRawBufferPointer, onlyNew: Bool = false)
        throws(SystemError)
    {
        let flags = onlyNew ? Int32(XATTR_CREATE) : 0
        try retryingInterrupts("set attribute \(name)") {
            withPath { setxattr($0, name, value.baseAddress, value.count, flags) }
        }
    }

    /// Whether this process's user may write to it (`access(2)`).
    public var isWritable: Bool { withPath { access($0, W_OK) } == 0 }

    /// `chmod(2)`. On a symbolic link it fails with `ELOOP`.
    public borrowing func setMode(_ mode: mode_t) throws(SystemError) {
        try retryingInterrupts("set a mode") { withPath { chmod($0, mode) } }
    }

    /// Tells the names in a folder but `.` and `..`, until `body` returns false. What appears or vanishes meanwhile may be
    /// told or not (readdir(3)).
    /// - Parameters:
    ///   - position: where an earlier call stopped; 0 for the first name.
    ///   - body: gets the name, ending with NUL and valid during the call, and its `DT_` kind (`DT_UNKNOWN` where the file
    ///     system does not say).
    /// - Returns: where to go on when `body` stopped it (telldir(3)); nil after the last name.
    @discardableResult
    public borrowing func eachName(
        from position: Int = 0, _ body: (UnsafePointer<CChar>, Int32) -> Bool
    ) throws(SystemError) -> Int? {
        let raw = descriptor.rawValue
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let reader = try retryingInterrupts("read a folder") { openat(raw, ".", flags) }
        guard let stream = fdopendir(reader) else {
            let error = SystemError("read a folder")
            close(reader)
            throw error
        }
        defer { closedir(stream) }
        if position != 0 { seekdir(stream, position) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemError("read a folder") }
                return nil
            }
            let kind = Int32(entry.pointee.d_type)
            let goOn = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    let isDots = name[0] == 0x2E && (name[1] == 0 || (name[1] == 0x2E && name[2] == 0))
                    return isDots || body(name, kind)
                }
            }
            if !goOn { return telldir(stream) }
        }
    }

    /// `/proc/self/fd/N` without a string of Swift's for each call.
    borrowing func withPath<Value>(
        _ prefix: StaticString = "/proc/self/fd/", _ body: (UnsafePointer<CChar>) -> Value
    ) -> Value {
        let number = descriptor.rawValue
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 48) { buffer in
            var end = 0
            func put(_ byte: UInt8) {
                buffer[end] = CChar(bitPattern: byte)
                end += 1
            }
            for index in 0..<prefix.utf8CodeUnitCount { put(prefix.utf8Start[index]) }
            var divisor: Int32 = 1
            while number / divisor >= 10 { divisor *= 10 }
            while divisor > 0 {
                put(UInt8(ascii: "0") + UInt8(number / divisor % 10))
                divisor /= 10
            }
            put(0)
            guard let base = buffer.baseAddress else { preconditionFailure("a buffer of 48 bytes has an address") }
            return body(UnsafePointer(base))
        }
    }
}
