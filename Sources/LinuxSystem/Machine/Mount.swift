import CLinux
import Glibc

/// `mount(2)` and `umount2(2)`.
public enum Mount {
    public struct Options: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let readOnly = Options(rawValue: 1)
        public static let noSetUserID = Options(rawValue: 2)
        public static let noDevices = Options(rawValue: 4)
        public static let noExecute = Options(rawValue: 8)
    }

    /// Makes the directory where it is missing, then mounts over it.
    public static func mount(
        _ source: String, on target: String, type: String, options: Options = [], data: String = ""
    ) throws(SystemError) {
        _ = mkdir(target, 0o755)
        try retryingInterrupts("mount \(target)") { CLinux.mount(source, target, type, options.rawValue, data) }
    }

    /// Detaches a file system now, and its last reference whenever that goes (MNT_DETACH).
    public static func detach(_ target: String) throws(SystemError) {
        try retryingInterrupts("unmount \(target)") { umount2(target, Int32(MNT_DETACH)) }
    }
}
