import CLinux

/// Room for the events of one `Poller.wait`, kept from turn to turn so that a loop allocates nothing.
///
/// Concurrency: belongs to the one thread that waits.
public final class EventBatch {
    private let storage: UnsafeMutableBufferPointer<epoll_event>

    /// - Parameter capacity: events taken in one turn, at least 1.
    public init(capacity: Int) {
        storage = .allocate(capacity: max(1, capacity))
        storage.initialize(repeating: epoll_event())
    }

    deinit { storage.deallocate() }

    /// Waits as `Poller.wait` does. - Returns: how many of this batch's entries are filled.
    public func wait(on poller: Poller, deadline: Deadline) throws(SystemError) -> Int {
        try poller.wait(storage, deadline: deadline)
    }

    /// The token the descriptor of event `index` was added with.
    public func token(_ index: Int) -> UInt64 { storage[index].data.u64 }
    public func events(_ index: Int) -> Poller.Events { Poller.Events(rawValue: storage[index].events) }
}
