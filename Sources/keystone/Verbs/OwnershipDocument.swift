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
    }
}

/// The same for people.
enum OwnershipText {
    static func of(_ report: OwnershipReport, sandbox: String) -> String {
        if report.isRightByConstruction {
            return
                "\(sandbox): owners are right by construction (the share is `none`, the guest's user has your ids); nothing to do\n"
        }
        let verb = report.isDryRun ? "would be changed" : "changed"
        let milliseconds = Int((report.seconds * 1000).rounded())
        var lines = [
            "\(sandbox): \(report.seen) entries seen in \(milliseconds) ms, owner \(report.owner): \(report.changed) \(verb), \(report.alreadyRight) already right, \(report.notFixed) not fixed"
        ]
        for (kind, problem) in report.sortedProblems {
            lines.append("  \(problem.count) not fixed: \(kind.reason)")
            lines += problem.examples.map { "    " + OwnershipReport.printable($0) }
            let more = problem.count - problem.examples.count
            if more > 0 { lines.append("    and \(more) more") }
            lines.append("    \(kind.advice(owner: report.owner))")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
