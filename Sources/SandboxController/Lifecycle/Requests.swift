/// What `start` is asked for.
public struct StartRequest: Sendable {
    public var name: String
    /// Absolute path of the project.
    public var project: String
    public var settings: SandboxSettings
    /// Stop a running one first and discard its state.
    public var fresh: Bool
    /// Seconds until the agent must have said hello.
    public var timeoutSeconds: Int
    /// For every session. Not written down anywhere: the next start has to be given it again.
    public var environment = SessionEnvironment()
    /// Who commits, said for this very start: before the environment's GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL.
    public var git = GitOverride()
    /// For the sandbox user, in the guest's memory. Not written down anywhere.
    public var tokens = TokenSet()
    /// Patterns of the project's files of variables for every session.
    public var environmentFiles: [EnvironmentFilePattern] = []
    /// Without it the guest is as its image is, and commands run as root: for `keystone-bench`, which tells what provisioning
    /// costs a start.
    public var provisions = true

    public static let defaultTimeoutSeconds = 120

    public init(
        name: String, project: String, settings: SandboxSettings, fresh: Bool = false,
        timeoutSeconds: Int = StartRequest.defaultTimeoutSeconds
    ) {
        self.name = name
        self.project = project
        self.settings = settings
        self.fresh = fresh
        self.timeoutSeconds = timeoutSeconds
    }
}

/// How `stop` goes about it.
public struct StopOptions: Sendable {
    /// Ends the virtual machine without asking the guest.
    public var force: Bool
    /// Seconds that the guest has to power off before it is ended.
    public var timeoutSeconds: Int
    /// Leaves an ephemeral sandbox too, for whoever starts it again.
    public var keeps: Bool

    public static let defaultTimeoutSeconds = 30
    /// At once, by who goes on with the sandbox.
    static let forNow = StopOptions(force: true, keeps: true)

    /// Milliseconds that a monitor has for a stop by force, before it is ended itself: QMP's three seconds, the device's
    /// one, and a busy host.
    static let forcePatience = 15_000

    public init(
        force: Bool = false, timeoutSeconds: Int = StopOptions.defaultTimeoutSeconds, keeps: Bool = false
    ) {
        self.force = force
        self.timeoutSeconds = timeoutSeconds
        self.keeps = keeps
    }
}
