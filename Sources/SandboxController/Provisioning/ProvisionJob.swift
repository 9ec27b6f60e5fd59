import AgentProtocol

/// One run of provisioning: what for, and who waits for it.
struct ProvisionJob: Sendable {
    enum Cause: Sendable {
        case start
        /// The agent was away: what it kept in memory is gone.
        case agentReturned
        /// This host's clock was set, or the host woke from sleep.
        case clockChanged
        case request(ControlReply)
        /// Somebody changed the tokens.
        case tokens(ControlReply)
    }

    /// Counts up; an answer to an older job of a boot tells nothing of the present agent.
    let number: Int
    let steps: Set<ProvisionStep>
    let cause: Cause

    /// Whoever waits for the answer.
    var reply: ControlReply? {
        switch cause {
        case .request(let reply), .tokens(let reply): reply
        case .start, .agentReturned, .clockChanged: nil
        }
    }
}

/// What came of a job.
struct ProvisionResult: Sendable {
    let job: ProvisionJob
    let records: Result<[ProvisionRecord], ControllerError>
    /// Sentences about what could not be gathered on the host.
    var warnings: [String] = []
    /// Who commands run as, where that was part of the job.
    var user: GuestUser?
}

/// Who commands in a guest run as.
public struct GuestUser: Codable, Equatable, Sendable {
    public var name: String
    public var userID: UInt32
    public var groupID: UInt32
}
