import Glibc
import LinuxSystem

/// Writes an initramfs: a `newc` cpio archive (kernel Documentation/driver-api/early-userspace/buffer-format.rst),
/// uncompressed, because unpacking costs more under TCG than reading. The same entries give the same bytes: inode
/// numbers count up, owners are root, and times are 0 unless an entry says otherwise.
struct CpioArchive: ~Copyable {
    private let file: FileDescriptor
    private var buffer: [UInt8] = []
    private var hash = SHA256()
    private var nextInode = 1
    private(set) var size = 0

    init(writingTo file: consuming FileDescriptor) {
        self.file = file
        buffer.reserveCapacity(Self.flushSize)
    }

    /// What an entry is, with what only it has.
    enum Body {
        case directory
        case symbolicLink(String)
        case characterDevice(major: Int, minor: Int)
        case bytes([UInt8])
        /// A file of the host and the size that it must still have.
        case file(path: String, size: Int)
    }

    /// - Parameters:
    ///   - path: without a leading `/`.
    ///   - permissions: the 12 low bits of the mode.
    ///   - time: seconds since 1970.
    mutating func add(
        _ path: String, permissions: Int, owner: Int = 0, time: Int = 0, _ body: Body
    ) throws(SystemError) {
        let type: Int
        var length = 0
        var device = (0, 0)
        switch body {
        case .directory: type = 0o040000
        case .symbolicLink(let target): (type, length) = (0o120000, target.utf8.count)
        case .characterDevice(let major, let minor): (type, device) = (0o020000, (major, minor))
        case .bytes(let bytes): (type, length) = (0o100000, bytes.count)
        case .file(_, let size): (type, length) = (0o100000, size)
        }
        guard length < 1 << 32 else { throw SystemError("archive /\(path)", code: EFBIG) }
        header(path, mode: type | permissions, owner: owner, time: time, length: length, device: device)
        switch body {
        case .directory, .characterDevice: break
        case .symbolicLink(let target): append(Array(target.utf8))
        case .bytes(let bytes): append(bytes)
        case .file(let source, let size): try copy(source, size: size)
        }
        pad()
        if buffer.count >= Self.flushSize { try flush() }
    }

    /// Ends the archive. - Returns: its SHA-256.
    consuming func finish() throws(SystemError) -> (sha256: String, size: Int) {
        nextInode = 0
        header("TRAILER!!!", mode: 0, owner: 0, time: 0, length: 0, device: (0, 0))
        pad()
        try flush()
        let raw = file.rawValue
        try retryingInterrupts("write the archive to disk") { fsync(raw) }
        return (hash.finish(), size)
    }

    private mutating func header(_ path: String, mode: Int, owner: Int, time: Int, length: Int, device: (Int, Int)) {
        let links = mode & 0o170000 == 0o040000 ? 2 : 1
        append(Array("070701".utf8))
        for value in [
            nextInode, mode, owner, owner, links, time, length, 0, 0, device.0, device.1, path.utf8.count + 1, 0,
        ] { appendHexadecimal(value) }
        append(Array(path.utf8) + [0])
        pad()
        nextInode += 1
    }

    private mutating func copy(_ source: String, size expected: Int) throws(SystemError) {
        let input = try FileDescriptor.open(source, O_RDONLY)
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        var left = expected
        while left > 0 {
            let wanted = min(left, chunk.count)
            let raw = input.rawValue
            let count = try retryingInterrupts("read \(source)") { read(raw, &chunk, wanted) }
            // Replaced while we read it: the header already says how long it is.
            guard count > 0 else { throw SystemError("read all of \(source)", code: EIO) }
            buffer.append(contentsOf: chunk[..<count])
            size += count
            left -= count
            if buffer.count >= Self.flushSize { try flush() }
        }
    }

    private mutating func flush() throws(SystemError) {
        hash.update(buffer)
        try file.writeAll(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func append(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
        size += bytes.count
    }

    private mutating func appendHexadecimal(_ value: Int) {
        let digits = Array("0123456789abcdef".utf8)
        append((0..<8).map { digits[(value >> ((7 - $0) * 4)) & 15] })
    }

    private mutating func pad() { append([UInt8](repeating: 0, count: -size & 3)) }

    private static let flushSize = 1 << 20
}
