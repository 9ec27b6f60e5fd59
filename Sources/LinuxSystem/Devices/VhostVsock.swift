import Glibc

/// The kernel's own vsock device for virtual machines, `/dev/vhost-vsock` (drivers/vhost/vsock.c).
public enum VhostVsock {
    public static let path = "/dev/vhost-vsock"
    /// `_IOW(VHOST_VIRTIO, 0x60, __u64)` of linux/vhost.h, which is the same on every architecture with our ioctl layout.
    private static let setGuestCID: UInt = 0x4008_AF60

    /// - Throws: `ENOENT` where the module is not loaded, `EACCES` without the right to it.
    public static func open(_ path: String = path) throws(SystemError) -> FileDescriptor {
        try FileDescriptor.open(path, O_RDWR)
    }

    /// Makes a context id this device's, for as long as it is open anywhere. The kernel gives each to one device only.
    /// - Throws: `EADDRINUSE` when another device has it, `EINVAL` for those below 3 and above 2^32 - 2.
    public static func claim(_ device: borrowing FileDescriptor, guestCID: UInt32) throws(SystemError) {
        var value = UInt64(guestCID)
        let raw = device.rawValue
        try retryingInterrupts("claim vsock context \(guestCID)") { ioctl(raw, setGuestCID, &value) }
    }
}
