import Glibc

/// What the device allows itself, whatever the guest and the host programs do.
public struct DeviceLimits: Sendable {
    /// Connections at once, those that are still saying whom they want included. More are refused.
    public var connections = 4096
    /// `buf_alloc` of a connection, in bytes, as long as memory for all of them is plentiful.
    public var bufferSize = 256 * 1024
    /// `buf_alloc` of the connections beyond that.
    public var smallBufferSize = 16 * 1024
    /// Bytes that all full-size buffers may come to: with the defaults 64 MiB, and 60 MiB more in small ones.
    public var fullSizeBudget = 64 * 1024 * 1024
    /// Nanoseconds that a host program may take for its `CONNECT` line.
    public var greetingTime: UInt64 = 5_000_000_000
    /// Nanoseconds that the guest may take to answer a request: generous, because an emulated guest may be slow.
    public var requestTime: UInt64 = 30_000_000_000
    /// Nanoseconds that the guest may take to confirm a close; as VSOCK_CLOSE_TIMEOUT in Linux.
    public var lingerTime: UInt64 = 8_000_000_000
    /// Nanoseconds without credit after which the guest is asked for it.
    public var creditTime: UInt64 = 250_000_000

    public init() {}

    /// Raises the process's descriptor limit as far as it goes, and lowers `connections` to what fits.
    public mutating func fitDescriptors() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        // 64 are left for rings, listener, poller, guest memory and what was inherited.
        connections = max(16, min(connections, Int(clamping: limit.rlim_cur) - 64))
    }
}
