import Glibc
import LinuxSystem

/// What one entry of a `mapped` share must be like, on both of its sides.
struct EntryRules: Sendable {
    /// nil where files of any owner will do in the guest.
    var ownership: GuestOwnership?
    /// nil where the host's modes stay as they are.
    var mirror: HostMirror?

    /// Makes one entry right and counts it.
    /// - Parameter path: for the report; asked for only when it is wanted.
    func judge(
        _ entry: borrowing InodeHandle, _ status: stat, _ report: inout OwnershipReport, _ path: () -> [UInt8]
    ) {
        report.seen += 1
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR else {
            // Without attributes the guest sees the real ids.
            let real = FileOwner(userID: status.st_uid, groupID: status.st_gid)
            if ownership.map({ $0.owner == real }) ?? true {
                report.alreadyRight += 1
            } else {
                report.add(OwnershipProblem(special: status.st_mode), path)
            }
            return
        }
        do throws(SystemError) {
            let isGiven = try ownership?.fix(entry, status) ?? false
            let isMirrored = try mirror?.apply(entry, status) ?? false
            if isGiven || isMirrored { report.changed += 1 } else { report.alreadyRight += 1 }
        } catch {
            report.add(OwnershipProblem(error), path)
        }
    }
}
