import AgentProtocol
import FoundationEssentials
import LinuxSystem

extension SandboxController {
    /// The names of all steps, in the order in which they run.
    public static var provisionSteps: [String] { ProvisionStep.allCases.map(\.name) }

    /// Provisions a running sandbox again.
    /// - Parameter steps: names of steps; empty means all.
    /// - Returns: how each went; a failed step is no error here.
    /// - Throws: `usage` for an unknown step, `notRunning`, `agentGone`, `unsupported` …
    public func provision(
        _ name: String, steps: [String] = [], progress: any ProgressReporter
    ) throws(ControllerError) -> [ProvisionRecord] {
        let wanted = try Self.steps(named: steps).map(\.name).joined(separator: ",")
        let answer = try ask(ControlMessage(.provision).with(.steps, wanted), of: name, progress: progress)
        guard let bytes = answer.bytes(.provisioned),
            let records = try? JSONDecoder().decode([ProvisionRecord].self, from: Data(bytes))
        else { throw ControllerError(.internal, "The monitor of sandbox \(name) gave no report.") }
        return records
    }

    /// The variables that the sandbox was started with, which its monitor alone knows.
    /// - Throws: when no monitor answers.
    public func environment(of name: String) throws(ControllerError) -> SessionEnvironment {
        let answer = try ask(
            ControlMessage(.environment), of: name, deadline: .after(milliseconds: 5_000), progress: SilentProgress())
        return SessionEnvironment(encoded: answer.bytes(.environment) ?? [])
    }

    /// Asks a sandbox's monitor.
    /// - Parameter deadline: long enough for a provisioning, and for one before it.
    /// - Throws: what the monitor answered, and why it can't be reached.
    func ask(
        _ request: ControlMessage, of name: String,
        deadline: Deadline = .after(milliseconds: 2 * Provisioning.timeLimit), progress: any ProgressReporter
    ) throws(ControllerError) -> ControlMessage {
        let answer: ControlMessage
        do throws(SystemError) {
            let client = try ControlClient(sandbox: name, in: directory, deadline: deadline)
            answer = Self.ask(client, request, deadline, progress)
        } catch {
            throw Unreachable.explain(name, in: directory)
        }
        if answer.kind == .failed { throw answer.error }
        return answer
    }

    static func ask(
        _ client: consuming ControlClient, _ request: ControlMessage, _ deadline: Deadline,
        _ progress: any ProgressReporter
    ) -> ControlMessage {
        do throws(ControllerError) {
            return try client.ask(request, deadline: deadline, progress: progress)
        } catch {
            return ControlMessage.failure(error)
        }
    }

    /// - Throws: `usage` with what was probably meant.
    static func steps(named names: [String]) throws(ControllerError) -> [ProvisionStep] {
        var found: Set<ProvisionStep> = []
        for name in names {
            guard let step = ProvisionStep(name: name) else {
                throw ControllerError(
                    .usage, "\(PrintableText.quoted(name)) is no step of provisioning.",
                    advice: Similarity.closest(to: name, among: provisionSteps).map { "Did you mean \($0)?" }
                        ?? "There are \(provisionSteps.joined(separator: ", ")).")
            }
            found.insert(step)
        }
        return ProvisionStep.allCases.filter { names.isEmpty || found.contains($0) }
    }
}
