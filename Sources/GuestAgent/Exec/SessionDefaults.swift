import Synchronization

/// What sessions start with when their request does not say: changed by provisioning, asked for by each command.
///
/// Concurrency: any thread may ask and change. Before the first change an answer takes no lock.
final class SessionDefaults: Sendable {
    struct Values: Equatable, Sendable {
        /// As `UserDatabase.user` takes it.
        var user: String
        /// `NAME=value` entries of every session, each name once.
        var environment: [[UInt8]] = []
        /// XDG_RUNTIME_DIR as an entry, for the sessions of the user who owns that folder.
        var runtimeEntry: RuntimeEntry?

        /// The entries for a session of `userID`. Later ones win.
        func entries(for userID: UInt32) -> [[UInt8]] {
            guard let runtimeEntry, runtimeEntry.userID == userID else { return environment }
            return [runtimeEntry.entry] + environment
        }
    }

    struct RuntimeEntry: Equatable, Sendable {
        let userID: UInt32
        let entry: [UInt8]
    }

    private let initial: Values
    private let isChanged = Atomic<Bool>(false)
    private let values: Mutex<Values>

    init(user: String) {
        initial = Values(user: user)
        values = Mutex(Values(user: user))
    }

    var current: Values { isChanged.load(ordering: .acquiring) ? values.withLock { $0 } : initial }

    /// - Returns: whether that made a difference.
    @discardableResult
    func change(_ body: (inout Values) -> Void) -> Bool {
        values.withLock { values in
            let before = values
            body(&values)
            guard values != before else { return false }
            isChanged.store(true, ordering: .releasing)
            return true
        }
    }
}
