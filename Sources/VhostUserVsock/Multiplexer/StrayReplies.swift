/// Resets for packets that belong to no connection. When it is full the guest's packets wait in their ring, as
/// Linux's vhost does (`vhost_vsock_more_replies`), so a guest that sends but never receives costs no memory.
struct StrayReplies: ~Copyable {
    static let capacity = 256

    private let entries: UnsafeMutablePointer<VsockHeader>
    private var head = 0
    private(set) var count = 0

    init() { entries = .allocate(capacity: StrayReplies.capacity) }
    deinit { entries.deallocate() }

    var isFull: Bool { count == StrayReplies.capacity }
    var first: VsockHeader? { count > 0 ? entries[head] : nil }

    /// Not when full.
    mutating func append(_ header: VsockHeader) {
        if isFull { return }
        (entries + (head + count) % StrayReplies.capacity).initialize(to: header)
        count += 1
    }

    mutating func removeFirst() {
        head = (head + 1) % StrayReplies.capacity
        count -= 1
    }

    mutating func removeAll() { count = 0 }
}
