import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

/// A real `VsockDevice` on a thread of its own, with a directory of its own for its sockets.
///
/// The device ends when the driver closes the connection; `deinit` waits for that and removes the directory.
final class TestDevice {
    let directory: String
    let path: String
    /// Ends when the device has ended: its thread holds the other end.
    private let alive: FileDescriptor

    /// - Parameter backEnd: the device's end of the vhost-user connection.
    init(_ backEnd: consuming FileDescriptor, limits: DeviceLimits) throws {
        Signals.ignoreBrokenPipe()
        var template = Array("/tmp/vsock-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw SystemError("make a directory") }
        directory = String(cString: made)
        path = directory + "/v.sock"
        let pipe = try FileDescriptor.pipe()
        alive = pipe.first
        let raw = backEnd.release()
        let signal = pipe.second.release()
        let box = Box(try VsockDevice(guestCID: TestDriver.guestCID, path: path, limits: limits))
        try Thread.start(name: "vsock-device", stackKibibytes: 1024) {
            var outcome: UInt8 = 0
            do throws(SystemError) { try box.device?.run(FileDescriptor(owning: raw)) } catch { outcome = 1 }
            // Its socket is gone before anybody hears of the end.
            box.device = nil
            _ = write(signal, &outcome, 1)
            close(signal)
        }
    }

    deinit {
        _ = end()
        rmdir(directory)
    }

    /// Waits until the device's thread has left `run`.
    /// - Returns: whether it ended without an error; nil when it did not end.
    func end() -> Bool? {
        var outcome: UInt8 = 2
        guard (try? alive.waitUntilReady(POLLIN, deadline: .after(milliseconds: 10_000))) != nil,
            read(alive.rawValue, &outcome, 1) == 1
        else { return nil }
        return outcome == 0
    }

    /// The device goes with the thread that runs it.
    private final class Box: @unchecked Sendable {
        var device: VsockDevice?
        init(_ device: VsockDevice) { self.device = device }
    }
}
