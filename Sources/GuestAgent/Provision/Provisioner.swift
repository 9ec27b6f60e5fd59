import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization

/// Makes the guest ready to work in, step by step.
///
/// Each step compares before it writes, so that it can be run at any time and a second run changes nothing; and what it
/// writes appears whole or not at all, so that the agent can be killed anywhere and the next run completes the work.
///
/// Concurrency: any thread may ask; one request runs at a time, to its end, on the thread that asked.
final class Provisioner: Sendable {
    private let guest: ProvisionedGuest
    private let turn = Mutex<Void>(())

    init(_ guest: ProvisionedGuest) { self.guest = guest }

    /// Runs the steps that the request asks for. A step that fails does not keep the others from running, but those that
    /// would work for the wrong user.
    func run(_ request: ProvisionRequest) -> ProvisionReport {
        turn.withLock { _ in
            var report = ProvisionReport(results: [])
            var userFailed = false
            for step in ProvisionStep.allCases where request.steps.contains(step) {
                let result = userFailed && step.needsUser ? step.withoutUser : run(step, request)
                if step == .user && result.outcome == .failed { userFailed = true }
                report.results.append(result)
            }
            return report
        }
    }

    private func run(_ step: ProvisionStep, _ request: ProvisionRequest) -> ProvisionReport.Result {
        do throws(StepFailure) {
            let outcome =
                switch step {
                case .clock: try ClockStep.run(request, guest)
                case .hostname: try HostnameStep.run(request, guest)
                case .machineID: try MachineIDStep.run(request, guest)
                case .entropy: try EntropyStep.run(request, guest)
                case .user: try UserStep.run(request, guest)
                case .home: try HomeStep.run(request, guest)
                case .git: try GitStep.run(request, guest)
                case .sshKeys: try KeysStep.run(request, guest)
                case .environment: try EnvironmentStep.run(request, guest)
                case .tokens: try TokensStep.run(request, guest)
                case .dotenv: try DotenvStep.run(request, guest)
                }
            return ProvisionReport.Result(
                step, outcome.changed ? .done : .unchanged, outcome.notes.joined(separator: " "))
        } catch {
            AgentLog.say("provisioning: \(step.name): \(error.reason)")
            // The effect must not fall to the limit of a note.
            let reason = error.reason.utf8.count > 700 ? String(error.reason.prefix(170)) + "…" : error.reason
            return ProvisionReport.Result(step, .failed, "\(reason). \(step.effectOfFailure)")
        }
    }
}

extension ProvisionStep {
    fileprivate var needsUser: Bool { self == .home || self == .sshKeys || self == .tokens }

    fileprivate var withoutUser: ProvisionReport.Result {
        ProvisionReport.Result(self, .failed, "Not tried, because the user could not be set up. \(effectOfFailure)")
    }

    /// What it means that the step failed.
    fileprivate var effectOfFailure: String {
        switch self {
        case .clock: "Times in the guest may be wrong, which make and TLS notice."
        case .hostname: "The guest keeps the name that it had."
        case .machineID: "The guest keeps the machine id that it had, or has none."
        case .entropy: "The guest's random pool has only what the guest found by itself."
        case .user: "Commands would run as the wrong user."
        case .home: "Programs may not be able to keep their settings in the home."
        case .git: "Commits in the guest may be without their author, and git may refuse the workspace."
        case .sshKeys: "The keys in authorized_keys are as they were."
        case .environment: "New sessions get the variables that they got before."
        case .tokens: "Programs may find no token, or an old one."
        case .dotenv: "New sessions get the variables of the project's files that they got before."
        }
    }
}
