import Glibc
import LinuxSystem
import VsockTransport

/// What the measurements share.
enum Probe {
    /// One write, so that a reader behind a pipe sees a line at once.
    static func say(_ text: String, to descriptor: Int32 = 1) {
        let bytes = Array(text.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    /// Serves each connection on a thread of its own, or one after the other, for ever.
    static func serve(_ port: UInt32, inTurn: Bool = false, _ body: @escaping @Sendable (Int32) -> Void) -> Never {
        do {
            let listener = try VsockListener(.vsock(cid: 0), port: port)
            say("ready\n")
            while true {
                let raw = try listener.accept().take().release()
                if inTurn {
                    body(raw)
                    close(raw)
                    continue
                }
                try Thread.start(name: "probe", stackKibibytes: 64) {
                    body(raw)
                    close(raw)
                }
            }
        } catch {
            say("keystone-guest-probe: \(error)\n", to: 2)
            exit(1)
        }
    }
}
