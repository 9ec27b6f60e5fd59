import AgentProtocol
import Glibc
import LinuxSystem

extension GuestOwnershipReport {
    /// - Parameter path: asked for only while examples are wanted.
    mutating func add(_ reason: Reason, code: UInt32 = 0, _ path: () -> [UInt8]) {
        guard let index = slot(reason, code) else { return }
        problems[index].count += 1
        if problems[index].examples.count < GuestOwnershipReport.exampleLimit {
            problems[index].examples.append(Array(path().prefix(GuestOwnershipReport.exampleBytes)))
        }
    }

    /// What a call refused on an entry of that mode; 0 where that is not known.
    mutating func add(_ error: SystemError, _ mode: mode_t, _ path: () -> [UInt8]) {
        switch error.code {
        // QEMU keeps owners of a `mapped` share in attributes, which only files and folders can have.
        case EPERM where mode & S_IFMT == S_IFLNK, ELOOP: add(.symbolicLink, path)
        case EPERM where mode & S_IFMT == S_IFIFO: add(.pipe, path)
        case EPERM where mode & S_IFMT == S_IFSOCK: add(.socket, path)
        case EACCES, EPERM: add(.notPermitted, path)
        case EROFS: add(.readOnly, path)
        case ENOTSUP, ENOSYS, EINVAL: add(.noOwners, path)
        case ENOSPC, EDQUOT: add(.noSpace, path)
        default: add(.other, code: UInt32(error.code), path)
        }
    }

    /// Adds what another thread counted.
    mutating func merge(_ other: GuestOwnershipReport) {
        seen += other.seen
        changed += other.changed
        alreadyRight += other.alreadyRight
        bitsCleared += other.bitsCleared
        calls += other.calls
        for theirs in other.problems {
            guard let index = slot(theirs.reason, theirs.code) else { continue }
            problems[index].count += theirs.count
            problems[index].examples += theirs.examples.prefix(
                GuestOwnershipReport.exampleLimit - problems[index].examples.count)
        }
    }

    /// The last one takes what finds no place of its own.
    private mutating func slot(_ reason: Reason, _ code: UInt32) -> Int? {
        if let known = problems.firstIndex(where: { $0.reason == reason && $0.code == code }) { return known }
        if problems.count < GuestOwnershipReport.problemLimit { problems.append(Problem(reason, code: code)) }
        return problems.indices.last
    }
}
