import SandboxController

/// What `fix-ownership --json` shows. Keys are added, never changed.
struct OwnershipDocument: Encodable {
    struct Problem: Encodable {
        /// One word, such as `symbolicLink`.
        let code: String
        let reason: String
        let advice: String
        let count: Int
        /// At most 10, relative to the project, escaped.
        let examples: [String]
    }

    /// What the guest's agent saw of one folder of the guest.
    struct Guest: Encodable {
        let root: String
        let seen: Int
        let changed: Int
        let alreadyRight: Int
        let notFixed: Int
        /// Of the changed files, those that lost set-user or set-group bits.
        let bitsCleared: Int
        /// Calls of chown(2).
        let calls: Int
        let complete: Bool
        let problems: [Problem]
        let seconds: Double
    }

    let name: String
    /// `none` or `mapped`.
    let shareSecurity: String
    /// Nothing was looked at, since it can't be wrong.
    let rightByConstruction: Bool
    let userID: UInt32
    let groupID: UInt32
    let dryRun: Bool
    let seen: Int
    /// With `dryRun`: what would be changed.
    let changed: Int
    let alreadyRight: Int
    let notFixed: Int
    let complete: Bool
    let problems: [Problem]
    let seconds: Double
    /// Nothing is left to do by hand.
    let right: Bool
    /// The workspace first; empty where the agent was not asked.
    let guest: [Guest]

    init(_ report: OwnershipReport, sandbox: String) {
        name = sandbox
        shareSecurity = report.security.rawValue
        rightByConstruction = report.isRightByConstruction
        userID = report.owner.userID
        groupID = report.owner.groupID
        dryRun = report.isDryRun
        seen = report.seen
        changed = report.changed
        alreadyRight = report.alreadyRight
        notFixed = report.notFixed
        complete = report.isComplete
        problems = report.sortedProblems.map { kind, problem in
            Problem(
                code: kind.code, reason: kind.reason, advice: kind.advice(owner: report.owner), count: problem.count,
                examples: problem.examples.map(OwnershipReport.printable))
        }
        seconds = (report.seconds * 1000).rounded() / 1000
        right = report.isRight
        guest = report.guest.map { check in
            Guest(
                root: OwnershipReport.printable(check.root), seen: check.seen, changed: check.changed,
                alreadyRight: check.alreadyRight, notFixed: check.notFixed, bitsCleared: check.bitsCleared,
                calls: check.calls, complete: check.isComplete,
                problems: check.sortedProblems.map { kind, problem in
                    Problem(
                        code: kind.code, reason: kind.reasonInGuest, advice: kind.adviceInGuest(owner: report.owner),
                        count: problem.count, examples: problem.examples.map(OwnershipReport.printable))
                }, seconds: check.seconds)
        }
    }
}
