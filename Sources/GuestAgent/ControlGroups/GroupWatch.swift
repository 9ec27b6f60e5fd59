import Glibc
import LinuxSystem
import Synchronization

/// Removes cgroups once the last process in them has ended.
///
/// Concurrency: any thread adds; a thread of its own, started with the first group, sleeps in `epoll_wait` until the
/// kernel says that a group became empty. It never wakes up otherwise.
final class GroupWatch: Sendable {
    private struct State {
        var groups: [SessionGroup] = []
        var isRunning = false
    }

    /// EPOLLPRI, which is how cgroupfs tells of a change (cgroup-v2, "Notifications").
    private static let changed = Poller.Events(rawValue: 2)

    private let poller: Poller
    private let state = Mutex(State())

    init() throws(SystemError) { poller = try Poller() }

    func add(_ group: SessionGroup) {
        let start = state.withLock { state -> Bool in
            state.groups.append(group)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        let descriptor = group.events.rawValue
        try? poller.add(descriptor, token: UInt64(descriptor), events: GroupWatch.changed)
        // It may have become empty before it was watched.
        sweep()
        if start { try? Thread.start(name: "keystone-groups", stackKibibytes: 64) { self.run() } }
    }

    private func run() {
        let batch = EventBatch(capacity: 16)
        while (try? batch.wait(on: poller, deadline: .never)) != nil { sweep() }
    }

    private func sweep() {
        // Asking reads `cgroup.events`, which also clears its event.
        let gone = state.withLock { state -> [SessionGroup] in
            let gone = state.groups.filter { !$0.isPopulated && $0.remove() }
            if !gone.isEmpty { state.groups.removeAll { group in gone.contains { $0 === group } } }
            return gone
        }
        for group in gone { try? poller.remove(group.events.rawValue) }
    }
}
