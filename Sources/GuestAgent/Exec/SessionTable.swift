import AgentProtocol
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
        var started: UInt64 = 0
    }

    private let state = Mutex(State())
    /// Told after each session that begins or ends; nil where nobody reports.
    private let news: SessionNews?
    /// Tells the ids of this agent from those of an earlier one of the same boot.
    private let generation = String(Deadline.now() / 1_000_000, radix: 36)

    init(news: SessionNews? = nil) { self.news = news }

    /// - Parameter isProbe: the host only tries whether commands can be run; such a session is no news.
    func enter(processID: pid_t, detached: Bool, isProbe: Bool = false) -> SessionEntry {
        defer { if !isProbe { news?.note() } }
        return state.withLock { state in
            state.next += 1
            if !isProbe { state.started += 1 }
            let entry = SessionEntry(
                id: "\(generation)-\(state.next)", processID: processID, output: detached ? OutputRing() : nil,
                isProbe: isProbe)
            state.entries.append(entry)
            return entry
        }
    }

    func leave(_ entry: SessionEntry) {
        defer { if !entry.isProbe { news?.note() } }
        state.withLock { state in
            guard let index = state.entries.firstIndex(where: { $0 === entry }) else { return }
            state.entries.swapAt(index, state.entries.count - 1)
            state.entries.removeLast()
        }
    }

    func find(_ id: String) -> SessionEntry? { state.withLock { $0.entries.first { $0.id == id } } }
    var count: Int { state.withLock { $0.entries.count } }
    /// Since this agent's start, probes among them.
    var total: UInt64 { state.withLock { $0.next } }

    /// As reports have it, without probes.
    var health: HealthSessions {
        state.withLock { state in
            var sessions = HealthSessions(started: state.started)
            for entry in state.entries where !entry.isProbe {
                sessions.running += 1
                if entry.output != nil { sessions.detached += 1 }
            }
            return sessions
        }
    }
}

/// One session as others see it.
final class SessionEntry: Sendable {
    let id: String
    let processID: pid_t
    /// The last output of a detached session; nil for an attached one.
    let output: OutputRing?
    let isProbe: Bool

    init(id: String, processID: pid_t, output: OutputRing?, isProbe: Bool = false) {
        self.id = id
        self.processID = processID
        self.output = output
        self.isProbe = isProbe
    }
}
