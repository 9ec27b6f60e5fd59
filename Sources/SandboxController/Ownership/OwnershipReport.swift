import Glibc

/// What making a tree look owned by one user came to.
public struct OwnershipReport: Sendable {
    public struct Problem: Equatable, Sendable {
        public internal(set) var count = 0
        /// At most 10, relative to the project, as bytes; long ones are cut. Print them with `printable`.
        public internal(set) var examples: [[UInt8]] = []
    }

    public static let exampleLimit = 10
    static let exampleBytes = 1024

    /// How the share shows owners; with `none` nothing was looked at and no call was made.
    public let security: SandboxSettings.ShareSecurity
    /// Who entries should look owned by in the guest.
    public let owner: FileOwner
    /// Nothing was changed; `changed` counts what would have been.
    public let isDryRun: Bool
    /// Entries looked at, the top included. One that vanished before it could be looked at is not counted.
    public internal(set) var seen = 0
    public internal(set) var changed = 0
    public internal(set) var alreadyRight = 0
    public internal(set) var problems: [OwnershipProblem: Problem] = [:]
    /// False when a time limit ended it before everything was seen.
    public internal(set) var isComplete = true
    public internal(set) var seconds = 0.0
    /// What the guest's agent saw: the workspace first, if it was asked about that. All other numbers here are the host's.
    public internal(set) var guest: [GuestCheck] = []
    /// Why the agent has nothing to say though the sandbox runs: a sentence.
    public internal(set) var guestNote: String?

    init(security: SandboxSettings.ShareSecurity, owner: FileOwner, isDryRun: Bool) {
        self.security = security
        self.owner = owner
        self.isDryRun = isDryRun
    }

    /// The guest's user has the ids of the host's, and the share shows them as they are.
    public var isRightByConstruction: Bool { security == .none }
    public var notFixed: Int { problems.values.reduce(0) { $0 + $1.count } }
    /// The guest has the last word where it has looked at everything: what the host could not do is then done or told there.
    public var isSettledByGuest: Bool {
        guard !isDryRun, let first = guest.first, first.root == GuestWalk.workspace else { return false }
        return first.isComplete
    }
    /// Whether nothing is left to do by hand.
    public var isRight: Bool {
        (isSettledByGuest || (problems.isEmpty && isComplete)) && guest.allSatisfy(\.problems.isEmpty)
    }

    /// Problems, the most frequent first.
    public var sortedProblems: [(kind: OwnershipProblem, problem: Problem)] { Self.sorted(problems) }

    static func sorted(_ problems: [OwnershipProblem: Problem]) -> [(kind: OwnershipProblem, problem: Problem)] {
        problems.map { (kind: $0.key, problem: $0.value) }.sorted {
            ($1.problem.count, $0.kind.code) < ($0.problem.count, $1.kind.code)
        }
    }

    /// A path for a person or a script: control characters escaped, bytes that are not UTF-8 as U+FFFD.
    public static func printable(_ path: [UInt8]) -> String {
        PrintableText.escaped(String(decoding: path, as: UTF8.self))
    }

    /// - Parameter path: asked for only while examples are wanted.
    mutating func add(_ kind: OwnershipProblem, _ path: () -> [UInt8]) {
        var problem = problems[kind] ?? Problem()
        problem.count += 1
        if problem.examples.count < OwnershipReport.exampleLimit {
            let whole = path()
            let isLong = whole.count > OwnershipReport.exampleBytes
            problem.examples.append(isLong ? whole.prefix(OwnershipReport.exampleBytes) + Array("…".utf8) : whole)
        }
        problems[kind] = problem
    }

    /// Adds what another thread, or the walk of another path, counted.
    mutating func merge(_ other: OwnershipReport) {
        seen += other.seen
        changed += other.changed
        alreadyRight += other.alreadyRight
        isComplete = isComplete && other.isComplete
        for (kind, theirs) in other.problems {
            var problem = problems[kind] ?? Problem()
            problem.count += theirs.count
            problem.examples += theirs.examples.prefix(OwnershipReport.exampleLimit - problem.examples.count)
            problems[kind] = problem
        }
    }
}
