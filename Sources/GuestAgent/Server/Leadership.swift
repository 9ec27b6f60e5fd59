import Glibc
import LinuxSystem

/// One worker's claim to be the one who accepts; see `AgentServer`.
///
/// A leader that serves a connection keeps the claim and watches the listener beside its own work, and gives the claim up
/// only when somebody else wants in. So a short command wakes no second thread, whatever else runs: under TCG to wake one on
/// another processor takes 0.2 to 0.4 ms, and the other processor is wanted for the command.
///
/// Concurrency: belongs to one worker thread. The mutex behind it is shared by all of them.
final class Leadership {
    private let server: AgentServer
    private(set) var isHeld = false
    /// There is no thread to take over, so watching the listener is no use during this connection.
    private var isStuck = false

    init(_ server: AgentServer) { self.server = server }

    /// To poll for POLLIN beside the own work; -1 when there is nothing to watch.
    var pollDescriptor: Int32 { isHeld && !isStuck ? server.listenerDescriptor : -1 }

    /// Waits until it is this worker's turn.
    func take() {
        isStuck = false
        if isHeld { return }
        server.lockTurn()
        isHeld = true
    }

    /// Lets another worker accept, which is made where none is idle.
    func giveUp() {
        guard isHeld, !isStuck else { return }
        guard server.ensureFollower() else {
            isStuck = true
            return
        }
        release()
    }

    func giveUpIfSomebodyWaits() {
        var entry = pollfd(fd: pollDescriptor, events: Int16(POLLIN), revents: 0)
        if entry.fd >= 0, poll(&entry, 1, 0) > 0 { giveUp() }
    }

    func release() {
        guard isHeld else { return }
        isHeld = false
        server.unlockTurn()
    }

    /// Waits for a connection's `events`, and gives up the claim as soon as the next visitor comes.
    /// - Throws: `ETIMEDOUT` at the deadline.
    func wait(_ connection: borrowing FileDescriptor, _ events: Int32, deadline: Deadline) throws(SystemError) {
        while pollDescriptor >= 0 {
            var entries = (
                pollfd(fd: connection.rawValue, events: Int16(events), revents: 0),
                pollfd(fd: pollDescriptor, events: Int16(POLLIN), revents: 0)
            )
            let ready = withUnsafeMutableBytes(of: &entries) {
                poll($0.bindMemory(to: pollfd.self).baseAddress, 2, deadline.pollTimeout)
            }
            if ready == 0 { throw SystemError("wait", code: ETIMEDOUT) }
            if ready < 0 && errno != EINTR { throw SystemError("poll") }
            if ready > 0 && entries.1.revents != 0 { giveUp() }
            if ready > 0 && entries.0.revents != 0 { return }
        }
        try connection.waitUntilReady(events, deadline: deadline)
    }
}
