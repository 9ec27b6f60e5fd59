import AgentProtocol
import LinuxSystem

/// Mixes the host's random bytes into the guest's pool. Each time it is asked for: there is no telling what is in there.
enum EntropyStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        guard !request.entropy.isEmpty else { throw StepFailure("The request has no random bytes") }
        try StepFailure.wrapping { () throws(SystemError) in try guest.machine.addEntropy(request.entropy) }
        return .done("\(request.entropy.count) random bytes were mixed in.")
    }
}
