import FoundationEssentials
import Glibc
import LinuxSystem

/// QEMU's monitor protocol over an inherited socket. The main thread only; never waits.
final class QMPChannel {
    static let lineLimit = 256 * 1024
    private let socket: FileDescriptor
    private var received: [UInt8] = []
    var rawValue: Int32 { socket.rawValue }
    private(set) var isOpen = true
    /// Why QEMU ends, from its SHUTDOWN event: `guest-shutdown` for a power-off, `guest-reset`, `host-qmp-quit` …
    private(set) var shutdownReason: String?

    init(_ socket: consuming FileDescriptor) throws(SystemError) {
        try socket.setNonBlocking(true)
        self.socket = socket
        // QEMU reads it once it has sent its greeting; commands are only taken after this one.
        send("qmp_capabilities")
    }

    func send(_ command: String) {
        try? socket.writeAll(Array("{\"execute\":\"\(command)\"}\n".utf8), deadline: .after(milliseconds: 200))
    }

    /// Reads what is there. - Returns: the names of QEMU's events in it, such as `SHUTDOWN` or `GUEST_PANICKED`.
    func readEvents() -> [String] {
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        var names: [String] = []
        while true {
            let count = read(socket.rawValue, &buffer, buffer.count)
            if count <= 0 {
                if count == 0 || (errno != EAGAIN && errno != EINTR) { isOpen = false }
                return names
            }
            received.append(contentsOf: buffer[..<count])
            while let end = received.firstIndex(of: 10) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                let object = JSONValue(line)?.object
                guard let name = object?["event"]?.text else { continue }
                names.append(name)
                if name == "SHUTDOWN", let data = object?["data"]?.object {
                    shutdownReason = data["reason"]?.text.map { String($0.prefix(64)) } ?? shutdownReason
                }
            }
            if received.count > QMPChannel.lineLimit { received.removeAll() }
        }
    }
}
