import AgentProtocol
import LinuxSystem

/// The agent's part of fixing owners: one connection, one request, reports until the last.
public enum GuestWalk {
    /// Where the project is in the guest.
    static let workspace = Array("/workspace".utf8)
    /// The agent says something twice a second.
    private static let silenceLimit = 30_000
    /// For a walk without a limit of its own: a guest that never ends holds nobody longer. Enough for some millions of
    /// entries of a 9p share under TCG.
    private static let longest = 2 * 3600 * 1000

    /// - Parameter progress: told how many entries have been seen.
    /// - Returns: nil when the agent is too old to be asked.
    /// - Throws: `agentRefused` with the agent's sentence, `agentGone`, `timeout`.
    public static func run(
        _ request: OwnershipRequest, at endpoint: GuestConnection.Endpoint, progress: (Int) -> Void
    ) throws(ControllerError) -> GuestCheck? {
        let limit = request.limitMilliseconds.map { Int(clamping: $0) + silenceLimit } ?? longest
        let end = Deadline.after(milliseconds: limit)
        func next() -> Deadline { min(end, .after(milliseconds: silenceLimit)) }
        let connection = try GuestConnection.open(endpoint, deadline: next())
        try connection.begin(request.frame(), deadline: next())
        guard try connection.readWelcome(deadline: next()).features.contains(.ownership) else { return nil }
        while true {
            let report = try connection.withNextFrame(deadline: next()) {
                (frame) throws(ControllerError) -> GuestOwnershipReport in
                switch frame.kind {
                case .ownershipReport: return try connection.decode(GuestOwnershipReport.self, frame)
                case .failure: throw connection.refusal(try connection.decode(Failure.self, frame))
                default:
                    throw ControllerError(
                        .agentRefused, "The agent in sandbox \(endpoint.sandbox) did not answer about owners.")
                }
            }
            if !report.isPartial { return GuestCheck(report, of: request) }
            if end.hasPassed {
                throw ControllerError(
                    .timeout, "The agent in sandbox \(endpoint.sandbox) did not end its look at owners in time.")
            }
            progress(Int(clamping: report.seen))
        }
    }
}
