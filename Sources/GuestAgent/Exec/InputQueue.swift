/// Bytes in the order in which they came: a ring, so that a stream whose reader never quite catches up needs no more room
/// than what waits at one time.
struct InputQueue: ~Copyable {
    private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    /// Bytes of memory that it holds.
    var capacity: Int { storage.count }

    /// The first of what waits: all of it, or up to the ring's end. Valid until the next change.
    var front: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: storage[head..<min(head + count, storage.count)])
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        if storage.count - count < bytes.count { grow(toHold: count + bytes.count) }
        let tail = (head + count) % storage.count
        let first = min(bytes.count, storage.count - tail)
        UnsafeMutableRawBufferPointer(rebasing: storage[tail...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[..<first]))
        storage.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first...]))
        count += bytes.count
    }

    /// Forgets the first `number` bytes, at most those of `front`.
    mutating func removeFirst(_ number: Int) {
        count -= number
        head = count == 0 ? 0 : (head + number) % storage.count
    }

    /// Forgets all, and gives the memory back.
    mutating func clear() {
        storage.deallocate()
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        head = 0
        count = 0
    }

    private mutating func grow(toHold total: Int) {
        var size = max(storage.count, 16 * 1024)
        while size < total { size *= 2 }
        let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        let first = front
        grown.copyMemory(from: first)
        UnsafeMutableRawBufferPointer(rebasing: grown[first.count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: storage[..<(count - first.count)]))
        storage.deallocate()
        storage = grown
        head = 0
    }

    deinit { storage.deallocate() }
}
