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
        /// Variables of the sandbox user's sessions that lose to those.
        var tokens: SessionTokens?
        /// Of the project's own files, each name once; they lose to all others.
        var projectEnvironment: [[UInt8]] = []
        /// XDG_RUNTIME_DIR as an entry, for the sessions of the user who owns that folder.
        var runtimeEntry: RuntimeEntry?

        /// The entries for a session of `userID`, each name once.
        func entries(for userID: UInt32, withTokens: Bool = true) -> [[UInt8]] {
            var layers: [[[UInt8]]] = []
            if let runtimeEntry, runtimeEntry.userID == userID { layers.append([runtimeEntry.entry]) }
            if !projectEnvironment.isEmpty { layers.append(projectEnvironment) }
            if withTokens, let tokens { layers.append(tokens.entries(for: userID)) }
            layers.append(environment)
            return layers.dropFirst().reduce(layers[0], EnvironmentLayers.merge)
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
