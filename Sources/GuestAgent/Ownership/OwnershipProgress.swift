import AgentProtocol
import Synchronization

/// How far a walk has come, for whoever waits for it. Any thread.
final class OwnershipProgress: Sendable {
    private let seen = Atomic<UInt64>(0)
    private let changed = Atomic<UInt64>(0)

    func noteSeen() { seen.add(1, ordering: .relaxed) }
    func noteChanged() { changed.add(1, ordering: .relaxed) }

    var report: GuestOwnershipReport {
        GuestOwnershipReport(
            isPartial: true, isComplete: false, seen: seen.load(ordering: .relaxed),
            changed: changed.load(ordering: .relaxed))
    }
}
