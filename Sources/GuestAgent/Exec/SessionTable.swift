import Glibc
import LinuxSystem
import Synchronization

/// The sessions of this agent, by id.
///
/// Concurrency: session threads enter and leave; any thread may look.
final class SessionTable: Sendable {
    private struct State {
        var entries: [SessionEntry] = []
        var next: UInt64 = 0
    }

    private let state = Mutex(State())
    /// Tells the ids of this agent from those of an earlier one of the same boot.
    private let generation = String(Deadline.now() / 1_000_000, radix: 36)

    func enter(processID: pid_t, detached: Bool) -> SessionEntry {
        state.withLock { state in
            state.next += 1
            let entry = SessionEntry(
                id: "\(generation)-\(state.next)", processID: processID, output: detached ? OutputRing() : nil)
            state.entries.append(entry)
            return entry
        }
    }

    func leave(_ entry: SessionEntry) {
        state.withLock { state in
            guard let index = state.entries.firstIndex(where: { $0 === entry }) else { return }
            state.entries.swapAt(index, state.entries.count - 1)
            state.entries.removeLast()
        }
    }

    func find(_ id: String) -> SessionEntry? { state.withLock { $0.entries.first { $0.id == id } } }
    var count: Int { state.withLock { $0.entries.count } }
}

/// One session as others see it.
final class SessionEntry: Sendable {
    let id: String
    let processID: pid_t
    /// The last output of a detached session; nil for an attached one.
    let output: OutputRing?

    init(id: String, processID: pid_t, output: OutputRing?) {
        self.id = id
        self.processID = processID
        self.output = output
    }
}
