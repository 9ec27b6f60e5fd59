import Glibc
import LinuxSystem

/// One thread's share of a walk: makes entries right and counts.
///
/// Concurrency: one thread of the walk uses it; `report` is read after the walk has returned.
final class OwnershipWorker: TreeVisitor, @unchecked Sendable {
    private let rules: EntryRules
    private(set) var report: OwnershipReport

    init(_ report: OwnershipReport, _ rules: EntryRules) {
        self.report = report
        self.rules = rules
    }

    func visit(_ entry: borrowing InodeHandle, _ status: stat, _ path: () -> [UInt8]) {
        rules.judge(entry, status, &report, path)
    }

    func miss(_ gap: TreeGap, _ path: () -> [UInt8]) { report.add(OwnershipProblem(gap), path) }
}
