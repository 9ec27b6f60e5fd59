import LinuxSystem

/// One virtqueue as QEMU describes it, piece by piece; the ring itself runs once all pieces are there.
///
/// Concurrency: belongs to the session's thread.
final class Vring {
    /// In QEMU's virtual memory.
    struct Addresses {
        var descriptors: UInt64
        var used: UInt64
        var available: UInt64
    }

    let ring = SplitRing()
    var size: UInt16 = 0
    /// Where to start; after a stop, where it stopped.
    var base: UInt16 = 0
    var addresses: Addresses?
    /// The guest's notifications. Its arrival is what starts the ring.
    var kick: FileDescriptor?
    /// QEMU's log of broken rings.
    var fault: EventDescriptor?
    var isEnabled = false
    /// The driver broke it; it stays stopped until QEMU sets it up again.
    var isBroken = false
    /// The guest kicks when there is something new.
    var wantsKicks = true

    var isRunning: Bool { ring.layout != nil }

    /// Starts the ring if everything is there. - Returns: false when its addresses can't be true.
    func start(memory: GuestMemory) -> Bool {
        guard !isRunning, isEnabled, !isBroken, kick != nil, let addresses else { return true }
        let count = UInt64(size)
        guard size > 0,
            let descriptors = memory.translate(frontEnd: addresses.descriptors, length: 16 * count, alignment: 16),
            let available = memory.translate(frontEnd: addresses.available, length: 4 + 2 * count, alignment: 2),
            let used = memory.translate(frontEnd: addresses.used, length: 4 + 8 * count, alignment: 4)
        else { return false }
        wantsKicks = true
        ring.start(
            .init(size: size, descriptors: descriptors, available: available, used: used), nextAvailable: base)
        return true
    }

    func stop() {
        guard isRunning else { return }
        ring.stop()
        base = ring.nextAvailable
    }
}
