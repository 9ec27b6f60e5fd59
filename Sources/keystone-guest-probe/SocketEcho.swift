import Glibc
import LinuxSystem

/// Something in a guest that listens on a UNIX socket.
enum SocketEcho {
    static func run(_ path: String) -> Never {
        do {
            let listener = try UnixSocket.listen(at: path)
            Probe.say("ready\n")
            while true {
                guard let raw = try UnixSocket.accept(listener.rawValue)?.release() else { continue }
                try Thread.start(name: "probe", stackKibibytes: 64) {
                    Stream.echo(raw)
                    close(raw)
                }
            }
        } catch {
            Probe.say("keystone-guest-probe: \(error)\n", to: 2)
            exit(1)
        }
    }
}
