import CLinux
import Glibc

/// `eventfd(2)`: a wake-up that any thread may send and one loop polls for.
public final class EventDescriptor: Sendable {
    private let descriptor: FileDescriptor
    public var rawValue: Int32 { descriptor.rawValue }

    public init() throws(SystemError) {
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("create an eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    /// Takes over an eventfd that came from elsewhere (a vhost-user kick or call).
    public init(owning raw: consuming FileDescriptor) { descriptor = raw }

    public func signal() {
        var one: UInt64 = 1
        _ = Glibc.write(descriptor.rawValue, &one, 8)
    }

    /// Clears it. - Returns: the number of signals since the last time, 0 for none.
    @discardableResult
    public func drain() -> UInt64 {
        var value: UInt64 = 0
        return Glibc.read(descriptor.rawValue, &value, 8) == 8 ? value : 0
    }
}
