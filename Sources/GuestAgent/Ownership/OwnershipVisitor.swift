import AgentProtocol
import Glibc
import LinuxSystem

/// One thread's share of a walk in the guest: gives what is wrong to its owner, and counts.
///
/// By descriptor: what was looked at is what is changed, whatever its name means by then. Modes are never set; the kernel
/// clears the set-user and set-group bits and the capabilities of a file that changes hands, and they are not given back.
///
/// Concurrency: one thread of the walk uses it; `report` is read after the walk has returned. `links` and `progress` are
/// shared and safe to share.
final class OwnershipVisitor: TreeVisitor, @unchecked Sendable {
    private let request: OwnershipRequest
    private let links: LinkedFiles
    private let progress: OwnershipProgress
    /// Files of system accounts with a second name are left, since that may lie beside the walk.
    private let leavesLinkedSystemFiles: Bool
    private(set) var report = GuestOwnershipReport()

    init(
        _ request: OwnershipRequest, _ links: LinkedFiles, _ progress: OwnershipProgress, leavesLinkedSystemFiles: Bool
    ) {
        self.request = request
        self.links = links
        self.progress = progress
        self.leavesLinkedSystemFiles = leavesLinkedSystemFiles
    }

    func visit(_ entry: borrowing InodeHandle, _ status: stat, _ path: () -> [UInt8]) {
        let kind = status.st_mode & S_IFMT
        let isLinked = kind != S_IFDIR && status.st_nlink > 1
        if isLinked, !links.isFirst(UInt64(status.st_ino)) { return }
        report.seen += 1
        progress.noteSeen()
        if status.st_uid == request.userID, status.st_gid == request.groupID {
            report.alreadyRight += 1
            return
        }
        if kind == S_IFCHR || kind == S_IFBLK { return report.add(.device, path) }
        if isLinked, leavesLinkedSystemFiles, status.st_uid < UserStep.systemIDs { return report.add(.hardLink, path) }
        if request.dryRun {
            noteChanged(status)
            return
        }
        report.calls += 1
        do throws(SystemError) {
            // An id that is right is not asked for: a user may change the group alone.
            try entry.setOwner(
                status.st_uid == request.userID ? .max : request.userID,
                status.st_gid == request.groupID ? .max : request.groupID)
            noteChanged(status)
        } catch {
            // It was removed by its path, which is how a 9p server knows it.
            if error.code == ENOENT || error.code == ESTALE {
                report.seen -= 1
            } else {
                report.add(error, status.st_mode, path)
            }
        }
    }

    func miss(_ gap: TreeGap, _ path: () -> [UInt8]) {
        switch gap {
        case .otherMount: report.add(.otherMount, path)
        case .closedFolder: report.add(.closedFolder, path)
        case .tooDeep: report.add(.tooDeep, path)
        case .failed(let error): report.add(error, 0, path)
        }
    }

    private func noteChanged(_ status: stat) {
        report.changed += 1
        progress.noteChanged()
        if status.st_mode & S_IFMT == S_IFREG, status.st_mode & (S_ISUID | S_ISGID) != 0 { report.bitsCleared += 1 }
    }
}
