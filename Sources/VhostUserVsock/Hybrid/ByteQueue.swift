import Glibc

/// Bytes from the guest that the host's socket did not take at once. Holds no memory while empty.
struct ByteQueue: ~Copyable {
    private var storage: UnsafeMutableRawPointer?
    private var capacity = 0
    private var head = 0
    private(set) var count = 0

    deinit { free(storage) }

    /// The bytes, oldest first; valid until the next change.
    var bytes: UnsafeRawBufferPointer {
        guard let storage, count > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: storage + head, count: count)
    }

    /// Appends all of `vectors`, `length` bytes.
    /// - Returns: false when there is no memory; nothing was appended then.
    mutating func append(_ vectors: VectorList, length: Int) -> Bool {
        guard reserve(length), let storage else { return length == 0 }
        vectors.copyOut(to: storage + head + count, count: length)
        count += length
        return true
    }

    mutating func dropFirst(_ bytes: Int) {
        count -= bytes
        head += bytes
        if count == 0 { removeAll() }
    }

    mutating func removeAll() {
        free(storage)
        storage = nil
        capacity = 0
        head = 0
        count = 0
    }

    /// Room for `length` more behind the last byte. Grows by doubling; the connection's credit bounds it.
    private mutating func reserve(_ length: Int) -> Bool {
        if length == 0 { return true }
        if head + count + length <= capacity { return true }
        if let storage, head > 0 {
            memmove(storage, storage + head, count)
            head = 0
            if count + length <= capacity { return true }
        }
        var wanted = max(capacity, 4096)
        while wanted < count + length { wanted *= 2 }
        guard let larger = realloc(storage, wanted) else { return false }
        storage = larger
        capacity = wanted
        return true
    }
}
