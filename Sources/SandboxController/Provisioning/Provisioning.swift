import AgentProtocol
import LinuxSystem

/// One request to the agent to make its guest ready, in one round trip.
enum Provisioning {
    static let timeLimit = 30_000

    /// - Returns: one record for each step asked for, in the order in which they run; a step that the agent does not tell
    ///   of has failed.
    /// - Throws: when no report came: `agentGone`, `agentRefused`, `timeout`.
    static func run(
        _ endpoint: GuestConnection.Endpoint, _ plan: ProvisionPlan, steps: Set<ProvisionStep>,
        deadline: Deadline = .after(milliseconds: timeLimit)
    ) throws(ControllerError) -> [ProvisionRecord] {
        let connection = try GuestConnection.open(endpoint, deadline: deadline)
        var frame: [UInt8]
        do throws(SystemError) {
            // Now that the way is open, so that the clock in it is as fresh as it can be.
            frame = try plan.request(steps).frame()
        } catch {
            throw .system(error, doing: "Provisioning the guest")
        }
        defer { SecretMemory.wipe(&frame) }
        try connection.begin(frame, deadline: deadline)
        _ = try connection.readWelcome(deadline: deadline)
        let report = try connection.withNextFrame(deadline: deadline) {
            (frame) throws(ControllerError) -> ProvisionReport in
            switch frame.kind {
            case .provisionReport: return try connection.decode(ProvisionReport.self, frame)
            case .failure: throw connection.refusal(try connection.decode(Failure.self, frame))
            default:
                throw ControllerError(
                    .agentRefused, "The agent in sandbox \(endpoint.sandbox) did not answer a request to provision.")
            }
        }
        return records(of: report, for: steps)
    }

    /// Only what was asked for counts, and each once: a report is guest text.
    static func records(of report: ProvisionReport, for steps: Set<ProvisionStep>) -> [ProvisionRecord] {
        ProvisionStep.allCases.filter(steps.contains).map { step in
            report.results.first { $0.step == step }.map(ProvisionRecord.init) ?? ProvisionRecord(unknown: step)
        }
    }
}
