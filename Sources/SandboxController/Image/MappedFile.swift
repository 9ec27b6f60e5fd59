import Glibc
import LinuxSystem

/// A file of the host mapped for reading. It must not be truncated meanwhile, so only used for installed programs,
/// kernels and modules, which package managers replace by rename.
final class MappedFile {
    let bytes: UnsafeRawBufferPointer

    init(path: String) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_RDONLY)
        let raw = file.rawValue
        var status = stat()
        try retryingInterrupts("read \(path)") { fstat(raw, &status) }
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, raw, 0), start != MAP_FAILED else {
            throw SystemError("map \(path)")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}

extension UnsafeRawBufferPointer {
    /// A little-endian integer, or nil when it does not lie within the buffer.
    func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Int? {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, offset <= count - size else { return nil }
        return Int(exactly: Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type)))
    }

    /// `count` bytes from `offset` on, or nil when they do not lie within the buffer.
    func slice(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return UnsafeRawBufferPointer(rebasing: self[offset..<offset + length])
    }

    /// The text from `offset` to the next NUL, or nil when there is none.
    func text(at offset: Int) -> String? {
        guard offset >= 0, offset < count, let end = self[offset...].firstIndex(of: 0) else { return nil }
        return String(decoding: self[offset..<end], as: UTF8.self)
    }
}
