import LinuxSystem
import Synchronization

/// The device's side of one split virtqueue (virtio 1.2, 2.7) in memory that the guest writes at any time.
///
/// Every index and descriptor is loaded once, into a local, and checked there. The available index is loaded with
/// acquire order before what it announces, and the used index stored with release order after what it announces.
/// Used entries are published, and the guest interrupted, once for a batch.
///
/// Concurrency: belongs to the session's thread; the guest is the other party.
final class SplitRing {
    /// Where the parts of a ring are, validated: each wholly inside guest memory and aligned.
    struct Layout {
        /// A power of two, 1…1024.
        var size: UInt16
        /// 16 bytes each, 16-aligned.
        var descriptors: UnsafeMutableRawPointer
        /// `flags`, `idx`, then `size` numbers; 2-aligned.
        var available: UnsafeMutableRawPointer
        /// `flags`, `idx`, then `size` entries of 8 bytes; 4-aligned.
        var used: UnsafeMutableRawPointer
    }

    static let mostEntries: UInt32 = 1024

    private(set) var layout: Layout?
    /// Signalled when the guest is to look at the used ring.
    var interrupt: EventDescriptor?
    /// The next available entry to take, and the next used entry to write; both run modulo 2¹⁶.
    private(set) var nextAvailable: UInt16 = 0
    private var nextUsed: UInt16 = 0
    /// The guest's available index as last loaded.
    private var seenAvailable: UInt16 = 0
    /// Entries written and not yet published.
    private(set) var unpublished = 0

    private static let descriptorNext: UInt16 = 1
    private static let descriptorWritable: UInt16 = 2

    /// Starts, or moves on to a new memory table.
    func start(_ layout: Layout, nextAvailable: UInt16) {
        self.layout = layout
        self.nextAvailable = nextAvailable
        seenAvailable = nextAvailable
        // As libvhost-user does: what the ring itself says is where the device left off.
        nextUsed = SharedMemory.load(layout.used + 2)
        unpublished = 0
    }

    /// Stops; `nextAvailable` stays, for GET_VRING_BASE. The guest is told of all that was done.
    func stop() {
        publish()
        signal()
        layout = nil
    }

    /// How many chains wait. Looks at shared memory only when it knows of fewer than `wanted`.
    func waiting(atLeast wanted: Int = 1) throws(RingFault) -> Int {
        guard let layout else { return 0 }
        var count = Int(seenAvailable &- nextAvailable)
        if count < wanted {
            seenAvailable = SharedMemory.loadAcquiring(layout.available + 2)
            count = Int(seenAvailable &- nextAvailable)
            if count > Int(layout.size) { throw .indexJump }
        }
        return count
    }

    /// Appends the pieces of a waiting chain to `vectors`.
    /// - Parameter offset: 0 for the next chain; less than `waiting()`.
    /// - Returns: the chain's head, for `complete`, and its bytes in all.
    func gather(
        _ offset: Int, writable: Bool, memory: GuestMemory, into vectors: VectorList
    ) throws(RingFault) -> (head: UInt16, bytes: Int) {
        guard let layout else { throw .badDescriptor }
        let entry = Int((nextAvailable &+ UInt16(truncatingIfNeeded: offset)) & (layout.size - 1))
        let head: UInt16 = SharedMemory.load(layout.available + 4 + 2 * entry)
        var index = head
        var bytes = 0
        for _ in 0..<layout.size {
            guard index < layout.size else { throw .badDescriptor }
            let descriptor = layout.descriptors + 16 * Int(index)
            let address: UInt64 = SharedMemory.load(descriptor)
            let rest: UInt64 = SharedMemory.load(descriptor + 8)
            let flags = UInt16(truncatingIfNeeded: rest >> 32)
            guard flags & ~(SplitRing.descriptorNext | SplitRing.descriptorWritable) == 0 else { throw .badFlags }
            guard (flags & SplitRing.descriptorWritable != 0) == writable else { throw .wrongDirection }
            let length = rest & 0xffff_ffff
            try append(address, length, memory, vectors)
            bytes += Int(length)
            if flags & SplitRing.descriptorNext == 0 { return (head, bytes) }
            index = UInt16(truncatingIfNeeded: rest >> 48)
        }
        throw .chainTooLong
    }

    private func append(
        _ address: UInt64, _ length: UInt64, _ memory: GuestMemory, _ vectors: VectorList
    ) throws(RingFault) {
        guard !address.addingReportingOverflow(length).overflow else { throw .badAddress }
        var address = address
        var left = length
        while left > 0 {
            guard let part = memory.translate(guest: address, length: left) else { throw .badAddress }
            guard vectors.append(part.pointer, Int(part.length)) else { throw .chainTooLong }
            address += part.length
            left -= part.length
        }
    }

    /// Hands the next chain back with `written` bytes in it. Invisible to the guest until `publish`.
    func complete(_ head: UInt16, written: Int) {
        guard let layout else { return }
        let entry = layout.used + 4 + 8 * Int(nextUsed & (layout.size - 1))
        entry.storeBytes(of: UInt32(head).littleEndian, as: UInt32.self)
        entry.storeBytes(of: UInt32(truncatingIfNeeded: written).littleEndian, toByteOffset: 4, as: UInt32.self)
        nextUsed &+= 1
        nextAvailable &+= 1
        unpublished += 1
    }

    /// Lets the guest see what was completed. - Returns: how many entries that were.
    @discardableResult
    func publish() -> Int {
        guard let layout, unpublished > 0 else { return 0 }
        SharedMemory.storeReleasing(nextUsed, to: layout.used + 2)
        defer { unpublished = 0 }
        return unpublished
    }

    /// Interrupts the guest, unless it asked not to be (VRING_AVAIL_F_NO_INTERRUPT).
    func signal() {
        guard let layout, let interrupt else { return }
        // Publish, then look at the flag; the guest sets the flag, then looks at the index. Without a full fence
        // between, both could miss (virtio 1.2, 2.7.7).
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let flags: UInt16 = SharedMemory.load(layout.available)
        if flags & 1 == 0 { interrupt.signal() }
    }

    /// Asks the guest not to kick (VRING_USED_F_NO_NOTIFY), or to kick again.
    /// - Returns: whether more chains came while kicks were not wanted: those will not be announced.
    @discardableResult
    func suppressKicks(_ suppress: Bool) throws(RingFault) -> Bool {
        guard let layout else { return false }
        SharedMemory.store(suppress ? 1 : 0, to: layout.used)
        if suppress { return false }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return try waiting() > 0
    }
}
