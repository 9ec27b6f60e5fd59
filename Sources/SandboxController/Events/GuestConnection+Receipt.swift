import AgentProtocol
import LinuxSystem

extension GuestConnection {
    /// Opens a connection for a command that is to stand in the sandbox's events.
    /// - Throws: as `open(sandbox:in:deadline:)`.
    public static func open(
        for request: ExecRequest, sandbox name: String, in directory: StateDirectory,
        deadline: Deadline = .after(milliseconds: 30_000)
    ) throws(ControllerError) -> (GuestConnection, ExecReceipt) {
        let (answer, receipt) = try ask(request, name, directory, deadline)
        return (try open(try endpoint(from: answer, sandbox: name, in: directory), deadline: deadline), receipt)
    }

    private static func ask(
        _ request: ExecRequest, _ name: String, _ directory: StateDirectory, _ deadline: Deadline
    ) throws(ControllerError) -> (ControlMessage, ExecReceipt) {
        guard let client = try? ControlClient(sandbox: name, in: directory, deadline: deadline) else {
            throw Unreachable.explain(name, in: directory)
        }
        let answer = try client.askAndStay(ExecNote.add(request, to: ControlMessage(.access)), deadline: deadline)
        return (answer, ExecReceipt(client))
    }
}
