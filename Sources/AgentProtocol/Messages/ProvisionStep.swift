/// One thing that makes a guest ready to work in. The guest runs the steps it is asked for in the order given here.
public enum ProvisionStep: UInt8, CaseIterable, Sendable {
    /// The guest's clock is the host's.
    case clock = 1
    case hostname = 2
    /// `/etc/machine-id` (machine-id(5)).
    case machineID = 3
    /// The kernel's random pool is seeded from the host's.
    case entropy = 4
    /// The sandbox user takes the ids of the user whose files the share holds.
    case user = 5
    /// The user's home: folders, owner, modes, shell hooks.
    case home = 6
    /// Who commits, and that the workspace is safe to git.
    case git = 7
    /// `authorized_keys`.
    case sshKeys = 8
    /// Variables of every session.
    case environment = 9
    /// Tokens: files in the guest's memory, and variables of the sandbox user's sessions.
    case tokens = 10
    /// Variables of the project's own files.
    case dotenv = 11

    /// As `--only` takes it and reports show it.
    public var name: String {
        switch self {
        case .clock: "clock"
        case .hostname: "hostname"
        case .machineID: "machine-id"
        case .entropy: "entropy"
        case .user: "user"
        case .home: "home"
        case .git: "git"
        case .sshKeys: "ssh-keys"
        case .environment: "environment"
        case .tokens: "tokens"
        case .dotenv: "dotenv"
        }
    }

    public init?(name: String) {
        guard let step = ProvisionStep.allCases.first(where: { $0.name == name }) else { return nil }
        self = step
    }
}
