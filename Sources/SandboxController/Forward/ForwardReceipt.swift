import AgentProtocol
import LinuxSystem

/// A client's hold on its forwards in the sandbox's monitor: it records them, and doesn't call the sandbox idle meanwhile. When
/// this goes without `ended`, the record says that the client was lost.
final class ForwardReceipt: Sendable {
    private let client: ControlClient

    private init(_ client: consuming ControlClient) { self.client = client }

    /// Readable when the monitor lets go: the sandbox has ended.
    var rawDescriptor: Int32 { client.rawDescriptor }

    /// Tells the monitor, and asks it for the way to the agent.
    /// - Throws: as `GuestConnection.endpoint`, and `unsupported` where an older monitor doesn't know forwards.
    static func take(
        _ forwards: [Forward], user: String?, sandbox name: String, in directory: StateDirectory,
        deadline: Deadline = .after(milliseconds: 10_000)
    ) throws(ControllerError) -> (ForwardReceipt, GuestConnection.Endpoint) {
        guard let client = try? ControlClient(sandbox: name, in: directory, deadline: deadline) else {
            throw Unreachable.explain(name, in: directory)
        }
        let request = ControlMessage(.access).with(.forwards, ForwardNote.encode(forwards.map(\.note)))
            .with(.user, user)
        let answer = try client.askAndStay(request, deadline: deadline)
        guard answer.text(.forwards) != nil else {
            throw ControllerError(
                .unsupported, "Sandbox \(name) was started by an older version, whose monitor knows no forwards.",
                advice: "Restart it with `keystone agent restart \(name)`.")
        }
        let endpoint = try GuestConnection.endpoint(from: answer, sandbox: name, in: directory)
        return (ForwardReceipt(client), endpoint)
    }

    /// - Parameter counts: in the order in which the forwards were told.
    func ended(_ counts: [ForwardCounts]) {
        client.tell(ControlMessage(.ended).with(.counts, ForwardCounts.encode(counts)))
    }
}
