import AgentProtocol
import FoundationEssentials
import Glibc
import LinuxSystem

/// What one sandbox's guest is given, gathered on the host at one moment. The clock and the entropy are of the moment
/// when a request is made of it.
struct ProvisionPlan: Sendable {
    static let ordinaryUser = "sandbox"
    static let workspace = "/workspace"
    /// Bytes: twice what the kernel's pool needs to count as seeded.
    private static let entropySize = 64

    let hostname: String
    let machineID: [UInt8]
    let user: ProvisionRequest.User
    let gitIdentity: ProvisionRequest.GitIdentity?
    let authorizedKeys: [String]
    let environment: SessionEnvironment
    /// Looked into when a request is made: what was revoked meanwhile is in no plan.
    let vault: TokenVault
    /// Of the project's own files.
    let projectEnvironment: SessionEnvironment
    /// Sentences about what could not be gathered.
    var warnings: [String]

    /// Files of the project's owner are right in the guest without touching one when the guest's user has their ids
    /// (P2). Root stays root.
    static func user(owning project: String) throws(SystemError) -> ProvisionRequest.User {
        var status = stat()
        try retryingInterrupts("look at \(PrintableText.quoted(project))") { stat(project, &status) }
        if status.st_uid == 0 { return .init(name: "root", userID: 0, groupID: 0) }
        return .init(name: ordinaryUser, userID: status.st_uid, groupID: status.st_gid)
    }

    func request(_ steps: Set<ProvisionStep>) throws(SystemError) -> ProvisionRequest {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return ProvisionRequest(
            steps: steps, clock: UInt64(max(0, now.tv_sec)) &* 1_000_000_000 &+ UInt64(now.tv_nsec),
            hostname: hostname, machineID: machineID, entropy: try RandomBytes.make(Self.entropySize), user: user,
            gitIdentity: gitIdentity, safeDirectories: [Self.workspace], authorizedKeys: authorizedKeys,
            environment: environment.entries,
            tokens: steps.contains(.tokens) ? vault.current.tokens.map(\.token) : [],
            projectEnvironment: steps.contains(.dotenv) ? projectEnvironment.entries : [])
    }
}

/// Where a plan comes from. Looked at anew each time: keys and names may have changed since.
struct ProvisionSource: Sendable {
    let record: SandboxRecord
    let directory: StateDirectory
    /// What this start was given, in memory only.
    let orders: StartOrders
    let vault: TokenVault

    func gather() throws(ControllerError) -> ProvisionPlan {
        let environment = ProcessInfo.processInfo.environment
        let settings = record.settings
        let git = GitIdentityLookup(
            project: record.project, flags: orders.git,
            settings: GitOverride(name: settings.gitName, email: settings.gitEmail), environment: environment
        ).find()
        let keys = PublicKeys.find(home: environment["HOME"])
        let files = ProjectEnvironment.read(orders.environmentFiles, in: record.project)
        let user: ProvisionRequest.User
        do throws(SystemError) {
            user = try ProvisionPlan.user(owning: record.project)
        } catch {
            throw .system(error, doing: "Finding out whose files the project holds")
        }
        return ProvisionPlan(
            hostname: record.name, machineID: MachineIdentity.bytes(of: record, in: directory), user: user,
            gitIdentity: git.identity, authorizedKeys: Array(keys.keys.prefix(ProvisionRequest.keyLimit)),
            environment: orders.environment, vault: vault, projectEnvironment: files.environment,
            warnings: (git.warning.map { [$0] } ?? []) + keys.warnings + files.warnings)
    }
}
