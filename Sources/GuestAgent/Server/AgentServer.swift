import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization
import VsockTransport

/// Takes connections and serves one operation on each.
///
/// Concurrency: leader and followers. Of the idle worker threads one (the leader, who holds `turn`) sleeps in `accept`, the
/// others wait for the turn. The leader serves what it accepted itself, so no connection is handed from thread to thread,
/// and gives up the turn when the next visitor comes (`Leadership`); a thread is made when nobody is left to take it. A
/// worker that comes back to enough idle ones ends. Memory so follows the number of sessions, and an idle agent does
/// not wake up.
final class AgentServer: @unchecked Sendable {
    /// Connections at once; more are refused in a sentence.
    static let connectionLimit = 4096
    /// Idle threads kept: the leader and who comes next without waiting for a new thread.
    private static let idleThreads = 4
    /// ks_spawn takes 32 KiB of it; only touched pages are real.
    private static let stackKibibytes = 128

    private let listener: VsockListener
    private let handler: ConnectionHandler
    private let turn: UnsafeMutablePointer<pthread_mutex_t>
    /// Workers that wait for the turn, or for a visitor.
    private let idle = Atomic<Int>(0)
    private let connections = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)

    init(listener: VsockListener, handler: ConnectionHandler) {
        self.listener = listener
        self.handler = handler
        turn = .allocate(capacity: 1)
        pthread_mutex_init(turn, nil)
    }

    deinit {
        pthread_mutex_destroy(turn)
        turn.deallocate()
    }

    func start() throws(SystemError) { try addWorker() }

    /// New connections are refused from now on; sessions go on.
    func stop() {
        stopping.store(true, ordering: .relaxed)
        shutdown(listener.rawValue, Int32(SHUT_RDWR))
    }

    private func addWorker() throws(SystemError) {
        idle.add(1, ordering: .relaxed)
        do throws(SystemError) {
            try Thread.start(name: "keystone-worker", stackKibibytes: AgentServer.stackKibibytes) { self.work() }
        } catch {
            idle.subtract(1, ordering: .relaxed)
            throw error
        }
    }

    var listenerDescriptor: Int32 { listener.rawValue }
    func lockTurn() { pthread_mutex_lock(turn) }
    func unlockTurn() { pthread_mutex_unlock(turn) }

    /// - Returns: whether there is a worker to take the turn.
    func ensureFollower() -> Bool {
        if idle.load(ordering: .relaxed) > 0 { return true }
        do throws(SystemError) { try addWorker() } catch { return false }
        return true
    }

    private func work() {
        let leadership = Leadership(self)
        defer { leadership.release() }
        while !stopping.load(ordering: .relaxed) {
            leadership.take()
            let connection = FileDescriptor(owning: acceptOne())
            if connection.rawValue < 0 { continue }
            idle.subtract(1, ordering: .relaxed)
            let others = connections.add(1, ordering: .relaxed).oldValue
            if others >= AgentServer.connectionLimit {
                handler.refuse(
                    connection, .resourcesExhausted, "The guest agent serves as many connections as it may already.")
            } else {
                handler.serve(connection, leadership)
            }
            connections.subtract(1, ordering: .relaxed)
            if idle.add(1, ordering: .relaxed).newValue > AgentServer.idleThreads, !leadership.isHeld {
                idle.subtract(1, ordering: .relaxed)
                // A burst is over.
                if connections.load(ordering: .relaxed) == 0 { ResidentMemory.release() }
                return
            }
        }
    }

    /// - Returns: a descriptor to own, or -1 when nobody came.
    private func acceptOne() -> Int32 {
        if stopping.load(ordering: .relaxed) { return -1 }
        do throws(TransportError) {
            return try listener.accept().take().release()
        } catch {
            guard !stopping.load(ordering: .relaxed) else { return -1 }
            AgentLog.say("a connection can't be accepted: \(error)")
            // Out of descriptors or memory: the connection keeps waiting, and trying at once would spin.
            _ = poll(nil, 0, 100)
            return -1
        }
    }
}
