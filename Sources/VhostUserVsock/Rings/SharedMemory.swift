import Synchronization

/// Loads and stores in memory that another party changes meanwhile. Atomic, so that the compiler may neither load
/// twice what was checked once nor move an access across the index that announces it. Addresses are aligned
/// (`SplitRing.Layout`), values little-endian.
enum SharedMemory {
    @inline(__always)
    static func load(_ address: UnsafeMutableRawPointer) -> UInt16 {
        UInt16(littleEndian: word(address).pointee.load(ordering: .relaxed))
    }

    @inline(__always)
    static func loadAcquiring(_ address: UnsafeMutableRawPointer) -> UInt16 {
        UInt16(littleEndian: word(address).pointee.load(ordering: .acquiring))
    }

    @inline(__always)
    static func load(_ address: UnsafeMutableRawPointer) -> UInt64 {
        UInt64(littleEndian: address.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed))
    }

    @inline(__always)
    static func store(_ value: UInt16, to address: UnsafeMutableRawPointer) {
        word(address).pointee.store(value.littleEndian, ordering: .relaxed)
    }

    @inline(__always)
    static func storeReleasing(_ value: UInt16, to address: UnsafeMutableRawPointer) {
        word(address).pointee.store(value.littleEndian, ordering: .releasing)
    }

    @inline(__always)
    private static func word(_ address: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt16>> {
        address.assumingMemoryBound(to: Atomic<UInt16>.self)
    }
}
