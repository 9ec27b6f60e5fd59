import SandboxController

/// What `fix-ownership` tells people.
enum OwnershipText {
    static func of(_ report: OwnershipReport, sandbox: String) -> String {
        var lines: [String] = []
        let verb = report.isDryRun ? "would be changed" : "changed"
        if report.isRightByConstruction {
            lines.append(
                "\(sandbox): owners are right by construction (the share is `none`, the guest's user has your ids); nothing to do"
            )
        } else {
            lines.append(
                "\(sandbox): \(report.seen) entries seen in \(milliseconds(report.seconds)) ms, owner \(report.owner): \(report.changed) \(verb), \(report.alreadyRight) already right, \(report.notFixed) not fixed"
            )
            // Where the guest has seen everything, what is left is told below, as it is there.
            for (kind, problem) in report.isSettledByGuest ? [] : report.sortedProblems {
                lines += list(problem, kind.reason, kind.advice(owner: report.owner))
            }
        }
        for check in report.guest {
            let limit = check.isComplete ? "" : " before the time was up"
            lines.append(
                "in the guest, \(OwnershipReport.printable(check.root)): \(check.seen) entries seen in \(milliseconds(check.seconds)) ms\(limit): \(check.changed) \(verb), \(check.alreadyRight) right, \(check.notFixed) not fixed"
            )
            if check.bitsCleared > 0 {
                lines.append(
                    "  \(check.bitsCleared) of the changed files had set-user or set-group bits; \(report.isDryRun ? "they would be" : "they were") cleared"
                )
            }
            for (kind, problem) in check.sortedProblems {
                lines += list(problem, kind.reasonInGuest, kind.adviceInGuest(owner: report.owner))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func milliseconds(_ seconds: Double) -> Int { Int(exactly: (seconds * 1000).rounded()) ?? .max }

    private static func list(_ problem: OwnershipReport.Problem, _ reason: String, _ advice: String) -> [String] {
        var lines = ["  \(problem.count) not fixed: \(reason)"]
        lines += problem.examples.map { "    " + OwnershipReport.printable($0) }
        let more = problem.count - problem.examples.count
        if more > 0 { lines.append("    and \(more) more") }
        return lines + ["    \(advice)"]
    }
}
