/// What `start` tells a new monitor and nobody writes down: it travels over the start channel and lives in the monitor's
/// memory.
struct StartOrders: Sendable {
    var environment = SessionEnvironment()
    /// From the flags of this start.
    var git = GitOverride()

    var message: ControlMessage {
        ControlMessage(.begin).with(.environment, environment.encoded()).with(.gitName, git.name)
            .with(.gitEmail, git.email)
    }

    init(environment: SessionEnvironment = SessionEnvironment(), git: GitOverride = GitOverride()) {
        self.environment = environment
        self.git = git
    }

    /// - Returns: nil when the message is another.
    init?(_ message: ControlMessage) {
        guard message.kind == .begin else { return nil }
        environment = SessionEnvironment(encoded: message.fields[.environment] ?? [])
        git = GitOverride(name: message.text(.gitName), email: message.text(.gitEmail))
    }
}
