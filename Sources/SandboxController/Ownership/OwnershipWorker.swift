import Glibc
import LinuxSystem

/// One thread's share of a walk: makes entries right and counts.
///
/// Concurrency: one thread of the walk uses it; `report` is read after the walk has returned.
final class OwnershipWorker: TreeVisitor, @unchecked Sendable {
    private let ownership: GuestOwnership
    private(set) var report: OwnershipReport

    init(_ report: OwnershipReport) {
        self.report = report
        ownership = GuestOwnership(owner: report.owner, isDryRun: report.isDryRun)
    }

    func visit(_ entry: borrowing InodeHandle, _ status: stat, _ path: () -> [UInt8]) {
        Self.judge(entry, status, ownership, &report, path)
    }

    func miss(_ gap: TreeGap, _ path: () -> [UInt8]) { report.add(OwnershipProblem(gap), path) }

    /// Makes one entry right and counts it.
    static func judge(
        _ entry: borrowing InodeHandle, _ status: stat, _ ownership: GuestOwnership, _ report: inout OwnershipReport,
        _ path: () -> [UInt8]
    ) {
        report.seen += 1
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR else {
            // Without attributes the guest sees the real ids.
            if ownership.owner == FileOwner(userID: status.st_uid, groupID: status.st_gid) {
                report.alreadyRight += 1
            } else {
                report.add(OwnershipProblem(special: status.st_mode), path)
            }
            return
        }
        do throws(SystemError) {
            if try ownership.fix(entry, status) { report.changed += 1 } else { report.alreadyRight += 1 }
        } catch {
            report.add(OwnershipProblem(error), path)
        }
    }
}
