import AgentProtocol
import LinuxSystem
import VsockTransport

/// Asks the agent to power the guest off.
enum GuestPower {
    /// Used by the monitor itself, which knows the secrets: it can't ask its own control socket.
    /// - Returns: whether the agent took the request.
    static func request(_ action: PowerRequest.Action, endpoint: GuestConnection.Endpoint, deadline: Deadline) -> Bool {
        do throws(ControllerError) {
            let connection = try GuestConnection.open(endpoint, deadline: deadline)
            try connection.begin(PowerRequest(action: action).frame(), deadline: deadline)
            _ = try connection.readWelcome(deadline: deadline)
            return try connection.withNextFrame(deadline: deadline) { $0.kind == .accepted }
        } catch {
            return false
        }
    }
}
