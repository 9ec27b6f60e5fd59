import AgentProtocol
import LinuxSystem
import SandboxController

extension BenchFixture {
    /// Runs a command in the guest to its end. - Returns: its stdout.
    @discardableResult
    func output(of arguments: [String], at endpoint: GuestConnection.Endpoint) throws -> String {
        let (end, output, error) = try GuestCommand.run(
            arguments, at: endpoint, deadline: .after(milliseconds: 300_000))
        guard end.outcome == .code(0) else {
            let said = String(decoding: error + output, as: UTF8.self)
            throw BenchError("\(arguments.joined(separator: " ")) ended with \(end.outcome) in the guest: \(said)")
        }
        return String(decoding: output, as: UTF8.self)
    }

    func shell(_ script: String, at endpoint: GuestConnection.Endpoint) throws -> String {
        try output(of: ["/bin/sh", "-c", script], at: endpoint)
    }
}
