import CLinux
import Glibc

extension FileDescriptor {
    /// An anonymous file of `size` zero bytes in memory (`memfd_create(2)`), close-on-exec.
    /// - Parameter name: shown in `/proc/self/fd`, for people only.
    public static func memoryFile(name: String, size: Int) throws(SystemError) -> FileDescriptor {
        let file = FileDescriptor(
            owning: try retryingInterrupts("create memory file") { ks_memfd_create(name, 1 /* MFD_CLOEXEC */) })
        let raw = file.rawValue
        try retryingInterrupts("size memory file") { ftruncate(raw, off_t(size)) }
        return file
    }
}
