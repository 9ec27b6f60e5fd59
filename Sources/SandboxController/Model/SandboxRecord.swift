import FoundationEssentials

/// A sandbox as the registry knows it: who it is and how it is made, not how it is doing.
public struct SandboxRecord: Codable, Equatable, Sendable {
    /// Unique; see `SandboxName`.
    public var name: String
    /// Absolute path of the project's top folder (a git work tree, or any folder with `--no-git`).
    public var project: String
    public var created: Date
    public var settings: SandboxSettings

    public init(name: String, project: String, created: Date, settings: SandboxSettings) {
        self.name = name
        self.project = project
        self.created = created
        self.settings = settings
    }
}

/// How a sandbox is doing, as its monitor last wrote it. A hint until reconciled with the truth.
public enum SandboxState: Codable, Equatable, Sendable {
    case created
    case starting
    case running
    case stopping
    case stopped
    /// The code of what went wrong and a sentence for people.
    case error(code: ControllerError.Code, reason: String)

    /// One word, as in `list`.
    public var word: String {
        switch self {
        case .created: "created"
        case .starting: "starting"
        case .running: "running"
        case .stopping: "stopping"
        case .stopped: "stopped"
        case .error: "error"
        }
    }

    /// Whether a monitor should be alive in this state.
    public var needsMonitor: Bool {
        switch self {
        case .starting, .running, .stopping: true
        case .created, .stopped, .error: false
        }
    }
}

/// `state.json`: written by the monitor (and by whoever finds the monitor dead), atomically.
public struct StateFile: Codable, Equatable, Sendable {
    public static let currentVersion = 1
    public var version = StateFile.currentVersion
    public var state: SandboxState
    /// When `state` began.
    public var since: Date
    /// What to do about an `error`; nil when there is nothing useful to say.
    public var advice: String?
    /// Of the monitor that wrote it.
    public var monitorProcess: Int32?
    public var machineProcess: Int32?
    public var deviceProcess: Int32?
    /// Content hash of the image that was booted.
    public var imageID: String?
    /// `kvm` or `tcg`.
    public var accelerator: String?
    /// `none` or `mapped`.
    public var shareSecurity: String?
    /// When the agent said hello.
    public var readyAt: Date?
    /// The same in seconds on this boot's clock (`HostClock`), which nobody can set: how long it runs is told by this one.
    public var readyClock: Double?
    public var agentVersion: String?
    /// Since when the agent's report channel is closed; nil while it is open.
    public var agentLostAt: Date?
    /// How each step of provisioning went the last time it was run.
    public var provisioned: [ProvisionRecord]?
    /// Who commands run as; nil before the guest was provisioned.
    public var guestUser: GuestUser?
    /// Names of the tokens inside.
    public var tokens: [String]?
    /// Why `shareSecurity` is what it is, to stand behind "because".
    public var shareReason: String?
    /// The watch over a `mapped` share; nil where there is none.
    public var workspaceWatch: WatchSummary?
    /// The unit of the systemd user manager that the monitor runs in; nil when it detached by itself.
    public var unit: String?
    /// The control group of the machine's processes, where we made one.
    public var controlGroup: String?
    /// `vhost` or `vhost-user`.
    public var vsock: String?
    /// The guest's context id where the kernel carries its vsock (`vhost`).
    public var guestCID: UInt32?

    public init(state: SandboxState, since: Date = Date()) {
        self.state = state
        self.since = since
    }
}
