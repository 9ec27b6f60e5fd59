import FoundationEssentials
import SandboxController

/// A sandbox as `--json` shows it. Names and meanings are a promise to scripts: keys are added, never changed.
struct StatusDocument: Encodable {
    let name: String
    let project: String
    let created: Date
    /// `created`, `starting`, `running`, `stopping`, `stopped` or `error`.
    let state: String
    /// When the state began.
    let since: Date?
    /// Why, in state `error`: a code for programs and a sentence for people.
    let errorCode: String?
    let errorReason: String?
    /// What to do about it.
    let errorAdvice: String?
    let uptimeSeconds: Double?
    let residentBytes: UInt64?
    let cpuSeconds: Double?
    let imageID: String?
    let accelerator: String?
    let agentVersion: String?
    let monitorProcess: Int32?
    let machineProcess: Int32?
    let deviceProcess: Int32?
    /// `healthy` or `agentLost`, while it runs: whether the agent is there. `condition` says more.
    let health: String?
    /// `healthy`, `degraded` or `unresponsive`, as `health` tells it, with the reasons.
    let condition: String?
    let reasons: [HealthDocument.ReasonDocument]?
    /// What the guest says of itself.
    let guest: GuestDocument?
    /// In the project's `.worktrees`.
    let worktrees: [String]
    /// Who commands run as, while it runs.
    let user: UserDocument?
    /// Each step of provisioning as it went last, while it runs: `done`, `unchanged` or `failed`.
    let provisioned: [ProvisionRecord]?
    /// Names of the tokens inside, while it runs.
    let tokens: [String]?
    /// How the workspace is shared, while it runs.
    let share: ShareDocument?
    /// `vhost` or `vhost-user`, and of `vhost` the guest's context id.
    let vsock: String?
    let guestCID: UInt32?
    let settings: SettingsDocument

    struct UserDocument: Encodable {
        let name: String
        let userID: UInt32
        let groupID: UInt32
        /// Why it is this one.
        let reason: String
    }

    struct ShareDocument: Encodable {
        /// `none` or `mapped`.
        let security: String
        /// Why.
        let reason: String?
        /// Of a `mapped` share: `beginning`, `watching`, `partly` or `off`, how many folders are watched and how many could
        /// not be, what was made right, and why not all is watched and what to do.
        let watch: WatchSummary?
    }

    struct SettingsDocument: Encodable {
        let memoryMebibytes: Int
        let processors: Int
        let nested: Bool
        let network: String
        let shareSecurity: String
        let accelerator: String
        let vsock: String
        /// nil for never.
        let idleSeconds: Int?
        /// false for one that is removed when it stops.
        let persist: Bool
        let memoryLimitMebibytes: Int?
        let cpuLimit: Double?
        let image: String?
        let gitName: String?
        let gitEmail: String?
    }

    init(_ status: SandboxStatus, _ health: SandboxHealth? = nil) {
        condition = health?.verdict?.word
        reasons = health?.verdict?.reasons.map { .init(code: $0.code.rawValue, text: $0.text) }
        guest = health?.record?.report.map(GuestDocument.init)
        let (record, file) = (status.record, status.file)
        name = record.name
        project = record.project
        created = record.created
        state = status.state.word
        since = file?.since
        if case .error(let code, let reason) = status.state {
            (errorCode, errorReason, errorAdvice) = (code.rawValue, reason, file?.advice)
        } else {
            (errorCode, errorReason, errorAdvice) = (nil, nil, nil)
        }
        uptimeSeconds = status.uptimeSeconds.map { ($0 * 10).rounded() / 10 }
        residentBytes = status.residentBytes
        cpuSeconds = status.cpuSeconds.map { ($0 * 100).rounded() / 100 }
        imageID = file?.imageID
        accelerator = file?.accelerator
        agentVersion = file?.agentVersion
        monitorProcess = file?.monitorProcess
        machineProcess = file?.machineProcess
        deviceProcess = file?.deviceProcess
        worktrees = status.worktrees
        self.health =
            switch status.health {
            case .healthy: "healthy"
            case .agentLost: "agentLost"
            case nil: nil
            }
        let running = status.health != nil
        user =
            running
            ? file?.guestUser.map {
                UserDocument(
                    name: $0.name, userID: $0.userID, groupID: $0.groupID,
                    reason: ShareChoice.reason(forUser: $0.userID))
            } : nil
        provisioned = running ? file?.provisioned : nil
        tokens = running ? file?.tokens ?? [] : nil
        share =
            running
            ? file?.shareSecurity.map {
                ShareDocument(security: $0, reason: file?.shareReason, watch: file?.workspaceWatch)
            } : nil
        vsock = running ? file?.vsock : nil
        guestCID = running ? file?.guestCID : nil
        let settings = record.settings
        self.settings = SettingsDocument(
            memoryMebibytes: settings.memoryMebibytes, processors: settings.processors, nested: settings.nested,
            network: settings.network.text, shareSecurity: settings.shareSecurity?.rawValue ?? "auto",
            accelerator: settings.accelerator?.rawValue ?? "auto", vsock: settings.vsock?.rawValue ?? "auto",
            idleSeconds: settings.idleSeconds, persist: settings.persists,
            memoryLimitMebibytes: settings.limits.memoryMebibytes,
            cpuLimit: settings.limits.processorPercent.map { Double($0) / 100 },
            image: settings.image,
            gitName: settings.gitName, gitEmail: settings.gitEmail)
    }

    static func json(_ status: SandboxStatus, _ health: SandboxHealth? = nil) throws(ControllerError) -> String {
        try JSONText.of(StatusDocument(status, health))
    }
    static func json(_ all: [SandboxStatus]) throws(ControllerError) -> String {
        try JSONText.of(all.map { StatusDocument($0) })
    }
    static func json(_ all: [(SandboxStatus, SandboxHealth?)]) throws(ControllerError) -> String {
        try JSONText.of(all.map { StatusDocument($0.0, $0.1) })
    }
}

/// JSON for people's scripts: the same order of keys each time, dates as ISO 8601.
enum JSONText {
    /// Without line feeds inside, for streams of lines.
    static func line(_ value: some Encodable) throws(ControllerError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        do { return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n" } catch {
            throw ControllerError(.internal, "The result can't be put into JSON: \(error).")
        }
    }

    static func of(_ value: some Encodable) throws(ControllerError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        do {
            let text = String(decoding: try encoder.encode(value), as: UTF8.self)
            // Foundation writes an empty list as two lines with one between.
            return (text == "[\n\n]" ? "[]" : text) + "\n"
        } catch {
            throw ControllerError(.internal, "The result can't be put into JSON: \(error).")
        }
    }
}
