import Glibc
import LinuxSystem

/// Closed while a returned agent has not been provisioned again: a command let in would run as the wrong user.
///
/// Concurrency: the monitor's main thread opens and closes, threads that answer visitors wait.
final class ProvisionGate: Sendable {
    /// Readable while the gate is open; only `close` drains it.
    private let state: EventDescriptor

    /// Open.
    init() throws(SystemError) {
        state = try EventDescriptor()
        state.signal()
    }

    func open() { state.signal() }
    func close() { state.drain() }

    /// - Returns: whether it was open before the deadline.
    func wait(deadline: Deadline) -> Bool {
        while true {
            var entry = pollfd(fd: state.rawValue, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, deadline.pollTimeout)
            if ready >= 0 { return ready > 0 }
        }
    }
}
