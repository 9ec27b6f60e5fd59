/// Slots that have something to send, first come first served: the round-robin between connections. A slot is in it
/// at most once, so room for every slot is room enough.
struct SlotQueue: ~Copyable {
    private let entries: UnsafeMutablePointer<Int32>
    private let queued: UnsafeMutablePointer<Bool>
    private let capacity: Int
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        entries = .allocate(capacity: capacity)
        queued = .allocate(capacity: capacity)
        entries.initialize(repeating: 0, count: capacity)
        queued.initialize(repeating: false, count: capacity)
    }

    deinit {
        entries.deallocate()
        queued.deallocate()
    }

    mutating func push(_ slot: Int) {
        if queued[slot] { return }
        queued[slot] = true
        var tail = head + count
        if tail >= capacity { tail -= capacity }
        entries[tail] = Int32(truncatingIfNeeded: slot)
        count += 1
    }

    mutating func pop() -> Int? {
        guard count > 0 else { return nil }
        let slot = Int(entries[head])
        head += 1
        if head == capacity { head = 0 }
        count -= 1
        queued[slot] = false
        return slot
    }
}
