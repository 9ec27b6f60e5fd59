/// The guest's receive buffers that one read fills: the payload goes straight into guest memory, and the headers
/// are written once it is known how many bytes came.
struct ReceiveBatch: ~Copyable {
    /// 16 of Linux's 4 KiB buffers: one read of 64 KiB.
    static let capacity = 16

    struct Entry {
        var head: UInt16
        /// Bytes of payload that fit.
        var capacity: Int
        /// Where the header goes, if it is in one piece.
        var header: UnsafeMutableRawPointer?
    }

    private let entries: UnsafeMutablePointer<Entry> = .allocate(capacity: ReceiveBatch.capacity)
    private(set) var count = 0
    /// Bytes of payload that all of them hold.
    private(set) var total = 0

    deinit { entries.deallocate() }

    subscript(index: Int) -> Entry { entries[index] }

    mutating func removeAll() {
        count = 0
        total = 0
    }

    /// Not when there are `capacity` already.
    mutating func append(_ entry: Entry) {
        (entries + count).initialize(to: entry)
        count += 1
        total += entry.capacity
    }
}
