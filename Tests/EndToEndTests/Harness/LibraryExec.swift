import AgentProtocol
import LinuxSystem

@testable import SandboxController

/// A command through the library, for tests of many: no process of the host is started for it.
enum LibraryExec {
    static func run(_ endpoint: GuestConnection.Endpoint, _ words: [String], within seconds: Int = 60) throws -> (
        code: Int32, output: String
    ) {
        let deadline = Deadline.after(milliseconds: seconds * 1000)
        let connection = try GuestConnection.open(endpoint, deadline: deadline)
        try connection.begin(ExecRequest(arguments: words.map { Array($0.utf8) }).frame(), deadline: deadline)
        _ = try connection.readWelcome(deadline: deadline)
        var output: [UInt8] = []
        while true {
            let code = try connection.withNextFrame(deadline: deadline) { (frame) throws(ControllerError) -> Int32? in
                switch frame.kind {
                case .standardOutput, .standardError: output += Array(frame.payload)
                case .exit:
                    let report = try connection.decode(ExitReport.self, frame)
                    if report.truncated { throw ControllerError(.internal, "The output is said to be truncated.") }
                    switch report.outcome {
                    case .code(let code): return Int32(code)
                    case .signal(let number): return 128 + Int32(number)
                    }
                case .failure: throw connection.refusal(try connection.decode(Failure.self, frame))
                default: break
                }
                return nil
            }
            if let code { return (code, String(decoding: output, as: UTF8.self)) }
        }
    }

    /// A command that outlives its connection, as the guest's user. Its words are divided by single spaces.
    static func detach(_ endpoint: GuestConnection.Endpoint, _ command: String) throws {
        let deadline = Deadline.after(milliseconds: 60_000)
        let connection = try GuestConnection.open(endpoint, deadline: deadline)
        let words = command.split(separator: " ").map { Array($0.utf8) }
        try connection.begin(ExecRequest(arguments: words, detached: true).frame(), deadline: deadline)
        _ = try connection.readWelcome(deadline: deadline)
        while true {
            let isAccepted = try connection.withNextFrame(deadline: deadline) {
                (frame) throws(ControllerError) -> Bool in
                if frame.kind == .failure { throw connection.refusal(try connection.decode(Failure.self, frame)) }
                return frame.kind == .accepted
            }
            if isAccepted { return }
        }
    }
}
