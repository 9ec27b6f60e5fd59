import LinuxSystem

/// A vhost-user virtio-vsock device: what the guest sends to the host's ports arrives at `<path>_<port>`, and host
/// programs reach the guest's ports through `path` (`CONNECT <port>\n`, answered `OK <n>\n`).
///
/// Concurrency: one thread makes it and calls `run`; a process may have several.
public final class VsockDevice {
    /// CIDs that a guest may have: 0 to 2 are reserved, and 2³² − 1 means any.
    public static let guestCIDs: ClosedRange<UInt64> = 3...0xffff_fffe

    private let guestCID: UInt64
    private let limits: DeviceLimits
    private let listener: HybridSocketListener

    /// Listens at `path`, mode 0600; the socket is removed when this object goes. A socket that a dead device left
    /// is replaced.
    /// - Parameters:
    ///   - guestCID: one of `guestCIDs`.
    ///   - path: relative or absolute.
    /// - Throws: `EINVAL` for a CID that no guest can have, `EADDRINUSE` when somebody listens at `path`.
    public init(guestCID: UInt64, path: String, limits: DeviceLimits = DeviceLimits()) throws(SystemError) {
        guard VsockDevice.guestCIDs.contains(guestCID) else { throw SystemError("use CID \(guestCID)", code: 22) }
        self.guestCID = guestCID
        self.limits = limits
        listener = try HybridSocketListener(path: path)
    }

    /// Serves one QEMU until it closes the connection or `stop` has a signal.
    /// - Parameter backEnd: the vhost-user connection, the device's end.
    /// - Throws: when QEMU sends what no vhost-user front end sends, or the system fails.
    public func run(_ backEnd: consuming FileDescriptor, stop: SignalDescriptor? = nil) throws(SystemError) {
        let session = try VhostUserSession(
            channel: VhostUserChannel(owning: backEnd), guestCID: guestCID, limits: limits, listener: listener,
            stop: stop)
        try session.run()
    }

    /// Waits at `path` (mode 0600, removed afterwards) for one QEMU, and serves it.
    public func run(listeningAt path: String, stop: SignalDescriptor? = nil) throws(SystemError) {
        let listener = try HybridSocketListener(path: path)
        let poller = try Poller()
        try poller.add(listener.rawValue, token: EventToken.listener, events: .readable)
        if let stop { try poller.add(stop.rawValue, token: EventToken.stop, events: .readable) }
        let events = EventBatch(capacity: 2)
        while true {
            let count = try events.wait(on: poller, deadline: .never)
            for index in 0..<count where events.token(index) == EventToken.stop { return }
            if let backEnd = try listener.accept() { return try run(backEnd, stop: stop) }
        }
    }
}
