import LinuxSystem
import SandboxController
import Synchronization

/// Says what became of connections, a line for each; of a flood some, and how many there were.
///
/// Concurrency: any thread says.
final class ForwardComplaints: Sendable {
    private struct State {
        var limit = RateLimit(burst: 20, milliseconds: 1_000)
        var withheld = 0
    }

    private let messages: Messages
    private let state = Mutex(State())

    init(_ messages: Messages) { self.messages = messages }

    func say(_ forward: Forward, _ error: ControllerError) {
        let withheld = state.withLock { state -> Int? in
            guard state.limit.nextAt.hasPassed else {
                state.withheld += 1
                return nil
            }
            state.limit.note()
            defer { state.withheld = 0 }
            return state.withheld
        }
        guard let withheld else { return }
        let more = withheld > 0 ? " (and \(withheld) more before)" : ""
        messages.warning("\(forward.host) -> \(forward.guest): \(error.message)\(more)")
    }
}
