import AgentProtocol
import LinuxSystem

/// A request that can't be carried out, as the host will be told.
struct Refusal: Error, Equatable, Sendable {
    let failure: Failure

    init(_ code: Failure.Code, _ message: String) {
        failure = Failure(code, String(message.prefix(1024)))
    }

    /// For a system call that should have worked.
    init(_ what: String, _ error: SystemError) {
        self.init(.resourcesExhausted, "\(what): \(error.reason).")
    }
}
