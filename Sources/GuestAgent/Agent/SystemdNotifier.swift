import Glibc
import LinuxSystem

/// sd_notify(3): datagrams to the UNIX socket that systemd names in NOTIFY_SOCKET. Does nothing without one.
public struct SystemdNotifier: Sendable {
    private let path: String?
    /// Half of systemd's watchdog time in milliseconds; nil when it keeps none over us.
    public let watchdogMilliseconds: Int?

    public init() {
        path = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        let time = getenv("WATCHDOG_USEC").flatMap { Int(String(cString: $0)) }
        watchdogMilliseconds = path == nil ? nil : time.map { max(1, $0 / 2000) }
    }

    public init(path: String) {
        self.path = path
        watchdogMilliseconds = nil
    }

    /// - Parameter message: such as `READY=1`; several are separated by newlines.
    public func send(_ message: String) {
        guard let path, path.utf8.count > 1 else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: bytes)
            // An abstract name begins with NUL on the wire and `@` in the variable (unix(7)).
            if bytes[0] == UInt8(ascii: "@") { target[0] = 0 }
        }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return }
        let descriptor = FileDescriptor(owning: number)
        // An abstract name ends where the length says: a trailing NUL would be part of it.
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + bytes.count } ?? 0
        let text = Array(message.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor.rawValue, text, text.count, Int32(MSG_NOSIGNAL), $0, socklen_t(length))
            }
        }
    }
}
