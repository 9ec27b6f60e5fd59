import Glibc

/// Pieces of guest memory in order, ready for `sendmsg(2)` and `recvmsg(2)`; allocated once and used again.
///
/// Concurrency: belongs to one thread.
final class VectorList {
    /// `IOV_MAX`: the kernel takes no more at once.
    static let capacity = 1024

    private let storage: UnsafeMutablePointer<iovec>
    private var first = 0
    private var end = 0

    init() {
        storage = .allocate(capacity: VectorList.capacity)
        storage.initialize(repeating: iovec(), count: VectorList.capacity)
    }

    deinit { storage.deallocate() }

    var count: Int { end - first }
    var start: UnsafeMutablePointer<iovec> { storage + first }
    subscript(index: Int) -> iovec { storage[first + index] }

    func removeAll() {
        first = 0
        end = 0
    }

    /// - Returns: false when there is no room.
    func append(_ base: UnsafeMutableRawPointer, _ length: Int) -> Bool {
        guard end < VectorList.capacity else { return false }
        storage[end] = iovec(iov_base: base, iov_len: length)
        end += 1
        return true
    }

    /// Drops what was appended after there were `count` pieces.
    func shrink(toCount count: Int) { end = min(end, first + count) }

    /// Drops `bytes` from the front; all of them are there.
    func dropFirst(_ bytes: Int) {
        var left = bytes
        while left > 0, first < end {
            let length = storage[first].iov_len
            if left < length {
                storage[first].iov_base += left
                storage[first].iov_len = length - left
                return
            }
            left -= length
            first += 1
        }
    }

    /// Keeps at most `bytes`, from piece `index` on.
    func truncate(_ bytes: Int, from index: Int = 0) {
        var left = bytes
        var position = first + index
        while position < end {
            if left == 0 { break }
            if storage[position].iov_len > left { storage[position].iov_len = left }
            left -= storage[position].iov_len
            position += 1
        }
        end = position
    }

    /// Drops `bytes` from piece `index` on; all of them are there.
    /// - Returns: where they were, if in one piece.
    func carve(_ bytes: Int, from index: Int) -> UnsafeMutableRawPointer? {
        let position = first + index
        let start = position < end && storage[position].iov_len >= bytes ? storage[position].iov_base : nil
        var left = bytes
        var whole = 0
        while left > 0, position + whole < end {
            let length = storage[position + whole].iov_len
            if left < length {
                storage[position + whole].iov_base += left
                storage[position + whole].iov_len = length - left
                break
            }
            left -= length
            whole += 1
        }
        if whole > 0 {
            (storage + position).update(from: storage + position + whole, count: end - position - whole)
            end -= whole
        }
        return start
    }

    /// Copies the first `count` bytes out; all of them are there.
    func copyOut(to target: UnsafeMutableRawPointer, count: Int) {
        var done = 0
        var position = first
        while done < count, position < end {
            guard let base = storage[position].iov_base else { return }
            let part = min(count - done, storage[position].iov_len)
            memcpy(target + done, base, part)
            done += part
            position += 1
        }
    }

    /// Copies `count` bytes over the front; there is room for them.
    func copyIn(from source: UnsafeRawPointer, count: Int) {
        var done = 0
        var position = first
        while done < count, position < end {
            guard let base = storage[position].iov_base else { return }
            let part = min(count - done, storage[position].iov_len)
            memcpy(base, source + done, part)
            done += part
            position += 1
        }
    }
}
