import Glibc
import LinuxSystem
import VsockTransport

/// A stranger: sends what comes on stdin to a vsock port, then prints what is answered up to the end.
enum Dial {
    static func run(cid: UInt32, port: UInt32) -> Never {
        let deadline = Deadline.after(milliseconds: 60_000)
        do {
            let bytes = try FileDescriptor(owning: STDIN_FILENO).readAll(limit: 1 << 20)
            let connection = try VsockTransport.dial(.vsock(cid: cid), port: port, deadline: deadline)
            // Strangers are cut off at any moment, so either of the two may fail.
            try? connection.sendAll(bytes, deadline: deadline)
            let answer = (try? connection.readAll(limit: 1 << 20, deadline: deadline)) ?? []
            Probe.say("answered \(answer.count) bytes\n")
        } catch {
            Probe.say("refused: \(error)\n")
        }
        exit(0)
    }
}
