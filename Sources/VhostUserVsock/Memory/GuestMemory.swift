import LinuxSystem

/// All of the guest's memory: turns addresses that others write down into pointers, or refuses.
///
/// Concurrency: belongs to the session's thread. A pointer handed out is valid until this object goes, so the
/// session looks its rings up again whenever it gets a new table.
final class GuestMemory {
    /// QEMU sends at most 8 (`VHOST_USER_MAX_RAM_SLOTS` without CONFIGURE_MEM_SLOTS); rust-vmm's crates allow 32.
    static let mostRegions = 32

    private let regions: UnsafeMutablePointer<MemoryRegion>
    private(set) var count = 0
    /// The region that matched last: most addresses in a row fall into one.
    private var recent = 0

    init() { regions = .allocate(capacity: GuestMemory.mostRegions) }

    deinit {
        regions.deinitialize(count: count)
        regions.deallocate()
    }

    /// - Returns: false when there are too many regions, or this one overlaps another in the guest's view.
    func add(_ region: consuming MemoryRegion) -> Bool {
        guard count < GuestMemory.mostRegions else { return false }
        for index in 0..<count {
            let start = regions[index].guestAddress
            if region.guestAddress < start + regions[index].size, start < region.guestAddress + region.size {
                return false
            }
        }
        (regions + count).initialize(to: region)
        count += 1
        return true
    }

    /// The memory at a guest-physical address.
    /// - Returns: a pointer, and how many bytes of at most `length` lie there in one piece (at least 1; the rest may
    ///   go on in an adjacent region); nil when the address is nobody's or `length` is 0.
    func translate(guest address: UInt64, length: UInt64) -> (pointer: UnsafeMutableRawPointer, length: UInt64)? {
        guard length > 0 else { return nil }
        var index = recent
        for _ in 0..<count {
            if index >= count { index = 0 }
            // Below the start this wraps to something far above the size.
            let offset = address &- regions[index].guestAddress
            if offset < regions[index].size {
                recent = index
                return (regions[index].base + Int(offset), min(length, regions[index].size - offset))
            }
            index += 1
        }
        return nil
    }

    /// The memory at one of QEMU's own addresses, all of it in one region and aligned.
    func translate(frontEnd address: UInt64, length: UInt64, alignment: UInt) -> UnsafeMutableRawPointer? {
        for index in 0..<count {
            let offset = address &- regions[index].frontEndAddress
            guard offset < regions[index].size, length <= regions[index].size - offset else { continue }
            let pointer = regions[index].base + Int(offset)
            return UInt(bitPattern: pointer) % alignment == 0 ? pointer : nil
        }
        return nil
    }

    /// Drops our page tables for the guest's memory. What is in it stays (the mappings are shared); only this process's
    /// resident size shrinks, which else grows to all the memory the guest ever used for packets.
    func releasePages() {
        for index in 0..<count { regions[index].releasePages() }
    }
}
