import Glibc
import LinuxSystem

/// A context id that the kernel has given to this sandbox, and the open device that holds it: QEMU inherits that
/// (`vhostfd`), so nobody else can have the id between our asking and QEMU's start, nor while the machine runs.
final class KernelVsock: Sendable {
    let descriptor: FileDescriptor
    /// Known to the whole host: unlike our own device's, it can be dialled by every user, and is told apart by the secret.
    let guestCID: UInt32

    /// Below are ids that people and other programs choose by hand.
    private static let lowest: UInt32 = 0x1_0000
    /// VMADDR_CID_ANY - 1 (vsock(7)).
    private static let highest = UInt32.max - 1
    private static let attempts = 64

    private init(_ descriptor: consuming FileDescriptor, _ guestCID: UInt32) {
        self.descriptor = descriptor
        self.guestCID = guestCID
    }

    /// Asks for ids until one is free: four thousand million of them for at most some thousand machines.
    /// - Parameter claim: for tests.
    /// - Throws: `unsupported` where the kernel has no vhost-vsock, `permission`.
    static func claim(
        device path: String = VhostVsock.path, candidate: () -> UInt32 = { .random(in: lowest...highest) },
        claim: (borrowing FileDescriptor, UInt32) throws(SystemError) -> Void = { (device, id) throws(SystemError) in
            try VhostVsock.claim(device, guestCID: id)
        }
    ) throws(ControllerError) -> KernelVsock {
        let device: FileDescriptor
        do throws(SystemError) { device = try VhostVsock.open(path) } catch { throw explain(error, path) }
        for _ in 0..<attempts {
            let id = candidate()
            do throws(SystemError) {
                try claim(device, id)
                return KernelVsock(device, id)
            } catch {
                guard error.code == EADDRINUSE else { throw explain(error, path) }
            }
        }
        throw ControllerError(.busy, "No free vsock context was found in \(attempts) attempts.", advice: "Try again.")
    }

    private static func explain(_ error: SystemError, _ path: String) -> ControllerError {
        let otherwise = "Or leave --vsock out: Keystone's own device needs neither module nor right."
        switch error.code {
        case ENOENT, ENODEV, ENXIO:
            return ControllerError(
                .unsupported, "The kernel's vhost-vsock was asked for, and there is no \(path).",
                advice: "Load it with `modprobe vhost_vsock`. \(otherwise)")
        case EACCES, EPERM:
            return ControllerError(
                .permission, "\(path) may not be opened by this user.",
                advice: "Give it with `sudo setfacl -m u:$USER:rw \(path)`. \(otherwise)")
        default:
            return ControllerError(
                .unsupported, "The kernel's vhost-vsock can't be used: \(error.operation): \(error.reason).",
                advice: otherwise)
        }
    }
}
