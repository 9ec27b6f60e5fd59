import CLinux
import Glibc

/// A tap interface (Linux Documentation/networking/tuntap.rst).
public enum NetworkTap {
    /// Opens the interface with virtio-net headers, making it when the caller may.
    /// - Parameter name: 1…15 bytes.
    /// - Throws: `EPERM` without the right to it, `EBUSY` when somebody has it open, `EINVAL` for a bad name.
    public static func open(_ name: String) throws(SystemError) -> FileDescriptor {
        guard !name.isEmpty, name.utf8.count < Int(IFNAMSIZ) else {
            throw SystemError("open tap \(name)", code: EINVAL)
        }
        return FileDescriptor(owning: try retryingInterrupts("open tap \(name)") { ks_open_tap(name) })
    }
}
