import AgentProtocol

/// How a step went, as `state.json` keeps it and `status` and `provision` show it.
public struct ProvisionRecord: Codable, Equatable, Sendable {
    /// A `ProvisionStep`'s name.
    public var step: String
    /// `done`, `unchanged` or `failed`.
    public var outcome: String
    /// The guest's own words, safe to print; may be empty.
    public var note: String

    public var failed: Bool { outcome == "failed" }

    /// Characters of a note that are kept.
    static let noteLimit = 1024

    /// A step that was asked for and that the report does not name: an older agent passes over what it does not know.
    init(unknown step: ProvisionStep) {
        (self.step, outcome) = (step.name, "failed")
        note = "The guest's agent does not know this step: \(Self.effect(of: step))."
    }

    init(_ result: ProvisionReport.Result) {
        step = result.step.name
        outcome =
            switch result.outcome {
            case .done: "done"
            case .unchanged: "unchanged"
            case .failed: "failed"
            }
        note = String(PrintableText.escaped(result.note).prefix(Self.noteLimit))
    }

    /// The newer records in the places of those of the same step, in the order in which steps run.
    static func merged(_ old: [ProvisionRecord], _ new: [ProvisionRecord]) -> [ProvisionRecord] {
        ProvisionStep.allCases.compactMap { step in (new + old).first { $0.step == step.name } }
    }

    private static func effect(of step: ProvisionStep) -> String {
        switch step {
        case .clock: "the guest's clock may be wrong, which breaks certificates and builds"
        case .hostname: "the guest goes by another name"
        case .machineID: "programs in the guest that ask for its machine id may fail"
        case .entropy: "the guest's random numbers come from its own sources alone"
        case .user: "commands run as the wrong user"
        case .home: "the guest user's home may be missing or not theirs"
        case .git: "commits in the guest may fail or have the wrong author"
        case .sshKeys: "your SSH keys do not open the guest"
        case .environment: "the variables of --env and --env-file are not set in sessions"
        case .tokens: "programs in the guest find no token"
        case .dotenv: "the variables of the project's own files are not set in sessions"
        }
    }
}
