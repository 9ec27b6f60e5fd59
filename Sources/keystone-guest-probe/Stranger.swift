import AgentProtocol
import Glibc
import LinuxSystem
import VsockTransport

/// A process of a guest that has no secret and tries to get in.
enum Stranger {
    /// Dials, shows a made-up secret and asks for a command.
    /// - Returns: never; prints `refused: …` for whatever is not an answer that lets it in, else `welcome`.
    static func dial(_ cid: UInt32, _ port: UInt32) -> Never {
        let deadline = Deadline.after(milliseconds: 10_000)
        do {
            let connection = try VsockTransport.dial(.vsock(cid: cid), port: port, deadline: deadline)
            guard let secret = Secret([UInt8](repeating: 7, count: Secret.size)) else { exit(2) }
            let request = ExecRequest(arguments: [Array("true".utf8)]).frame()
            try connection.sendAll(Hello(role: .operation, secret: secret).frame() + request, deadline: deadline)
            let answer = try connection.readAll(limit: 4096, deadline: deadline)
            let isWelcome = answer.count > 4 && answer[4] == FrameKind.welcome.rawValue
            Probe.say(isWelcome ? "welcome\n" : "refused: \(answer.count) bytes\n")
        } catch { Probe.say("refused: \(error)\n") }
        exit(0)
    }
}
