import CLinux
import Glibc

extension FileDescriptor {
    /// Sets an extended attribute (`fsetxattr(2)`).
    public borrowing func setAttribute(_ name: String, to value: [UInt8]) throws(SystemError) {
        let raw = rawValue
        try retryingInterrupts("set attribute \(name)") { fsetxattr(raw, name, value, value.count, 0) }
    }

    /// Whether an extended attribute is there (`fgetxattr(2)`).
    public borrowing func hasAttribute(_ name: String) -> Bool { fgetxattr(rawValue, name, nil, 0) >= 0 }
}
