import Glibc
import LinuxSystem

/// The descriptors of one session in one `poll(2)`, without an allocation for each turn.
struct SessionPoll {
    enum Slot: Int { case connection = 0, output, errors, input, process, memory, listener }

    private typealias Entries = (pollfd, pollfd, pollfd, pollfd, pollfd, pollfd, pollfd)
    private static let count = 7
    private static let unused = pollfd(fd: -1, events: 0, revents: 0)
    private var entries: Entries = (unused, unused, unused, unused, unused, unused, unused)

    /// - Parameter descriptor: -1 leaves the slot out.
    mutating func set(_ slot: Slot, _ descriptor: Int32, _ events: Int32) {
        withEntries {
            $0[slot.rawValue] = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
        }
    }

    /// - Returns: false when the deadline passed.
    mutating func wait(until deadline: Deadline) -> Bool {
        // Interrupted or out of memory, nothing has happened; the caller's next turn asks again.
        withEntries { entries in
            let ready = poll(entries.baseAddress, nfds_t(SessionPoll.count), deadline.pollTimeout)
            if ready < 0 { for index in entries.indices { entries[index].revents = 0 } }
            return ready != 0
        }
    }

    /// What was asked for, or an error or hang-up, which the next call on the descriptor will tell.
    mutating func happened(_ slot: Slot) -> Bool { withEntries { $0[slot.rawValue].revents != 0 } }

    private mutating func withEntries<Result>(_ body: (UnsafeMutableBufferPointer<pollfd>) -> Result) -> Result {
        withUnsafeMutableBytes(of: &entries) { body($0.bindMemory(to: pollfd.self)) }
    }
}
