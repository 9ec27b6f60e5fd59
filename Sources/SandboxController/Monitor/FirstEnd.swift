import Glibc
import LinuxSystem

/// Which of a sandbox's two processes ended by itself. The other one ends because of it, so only the first is told.
///
/// Concurrency: the monitor's main thread notes, threads that answer questions wait.
final class FirstEnd: @unchecked Sendable {
    enum Process: Sendable { case machine, device }

    private let lock = Mutex()
    /// Never drained: readable for everybody once it is known.
    private let known: EventDescriptor
    private var first: Process?

    init() throws(SystemError) { known = try EventDescriptor() }

    /// The first call counts.
    func note(_ process: Process) {
        lock.withLock { if first == nil { first = process } }
        known.signal()
    }

    /// - Returns: nil when nothing has ended by the deadline.
    func wait(deadline: Deadline) -> Process? {
        var entry = pollfd(fd: known.rawValue, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, deadline.pollTimeout) < 0 { continue }
        return lock.withLock { first }
    }
}
