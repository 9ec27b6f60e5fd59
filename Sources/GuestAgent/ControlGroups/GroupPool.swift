import Glibc
import LinuxSystem
import Synchronization

/// Session cgroups, a few of them empty and ready: making and removing one costs more than running `/bin/true`.
///
/// Concurrency: any thread takes and gives back. Groups that still have processes go to the `GroupWatch`.
final class GroupPool: Sendable {
    /// Empty groups kept ready.
    private static let kept = 8

    private struct State {
        var ready: [SessionGroup] = []
        var made: UInt64 = 0
    }

    private let tree: ControlGroupTree
    private let state = Mutex(State())
    private let watch: GroupWatch

    /// Ends what attached sessions of an earlier agent left running, and keeps an eye on what may stay.
    /// - Parameter prepared: groups to make at once.
    init(_ tree: ControlGroupTree, prepared: Int = 2) throws(SystemError) {
        self.tree = tree
        watch = try GroupWatch()
        for name in (try? SmallFile.names(in: tree.sessions)) ?? [] where name.utf8.first == UInt8(ascii: "s") {
            guard let group = try? SessionGroup(opening: tree.sessions + "/" + name) else { continue }
            if !group.isKept { group.killAll() }
            if group.isPopulated || !group.remove() { watch.add(group) }
        }
        for _ in 0..<prepared {
            guard let group = make() else { break }
            state.withLock { $0.ready.append(group) }
        }
    }

    /// An empty group, or nil when none can be made (the session then lives in a process group only).
    func take() -> SessionGroup? { state.withLock { $0.ready.popLast() } ?? make() }

    /// Takes back the group of a session that has ended, whether or not something lives on in it.
    func giveBack(_ group: SessionGroup) {
        if group.isPopulated {
            group.markKept()
            watch.add(group)
            return
        }
        guard group.isLeaf, !group.isKept else { return discard(group) }
        let surplus = state.withLock { state -> Bool in
            if state.ready.count >= GroupPool.kept { return true }
            state.ready.append(group)
            return false
        }
        if surplus { discard(group) }
    }

    private func discard(_ group: SessionGroup) { if !group.remove() { watch.add(group) } }

    private func make() -> SessionGroup? {
        // A name can be taken by a group that an earlier agent left.
        for _ in 0..<10_000 {
            let number = state.withLock { state -> UInt64 in
                state.made += 1
                return state.made
            }
            do throws(SystemError) { return try SessionGroup(creating: "\(tree.sessions)/s\(number)") } catch {
                if error.code != EEXIST { return nil }
            }
        }
        return nil
    }
}
