import AgentProtocol

/// Remembers the variables of the project's own files for new sessions. In memory only, as those of `EnvironmentStep`.
enum DotenvStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        let entries = try EnvironmentStep.lastOfEachName(request.projectEnvironment)
        guard guest.defaults.change({ $0.projectEnvironment = entries }) else { return .unchanged }
        return .done("New sessions get \(entries.count) variables of the project's files.")
    }
}
