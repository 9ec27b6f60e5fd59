import Synchronization

/// Files with several names that a walk has met, so that each counts once.
///
/// Concurrency: any thread. Bounded: past `limit` every name counts as a file, which changes counts and nothing else.
final class LinkedFiles: Sendable {
    static let limit = 65_536
    private let seen = Mutex<Set<UInt64>>([])

    /// - Parameter inode: of the walk's one file system.
    func isFirst(_ inode: UInt64) -> Bool {
        seen.withLock { set in
            if set.contains(inode) { return false }
            if set.count < LinkedFiles.limit { set.insert(inode) }
            return true
        }
    }
}
