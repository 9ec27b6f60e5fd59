import Glibc
import LinuxSystem

@testable import VhostUserVsock

/// QEMU's part, in the order in which QEMU 7.2 does it (shared/MEASURED).
extension TestDriver {
    static let protocolFeatures: UInt64 = 1 << 9

    func boot() throws {
        _ = try ask(.getFeatures)
        _ = try ask(.getProtocolFeatures)
        try send(.setProtocolFeatures, TestDriver.bytes(TestDriver.protocolFeatures))
        try send(.setOwner, [])
        try start(base: [0, 0])
    }

    /// As at DRIVER_OK. The guest's side of the rings is laid out anew when `base` is 0.
    func start(base: [UInt16]) throws {
        if base == [0, 0] { resetRings() }
        try send(.setFeatures, TestDriver.bytes(UInt64(1 << 32 | 1 << 30)))
        try sendMemoryTable()
        for ring in 0..<2 { try startRing(ring, base: base[ring]) }
        for ring in 0..<2 { try send(.setRingEnabled, TestDriver.bytes(UInt32(ring)) + TestDriver.bytes(UInt32(1))) }
        // An answer means that all before has been handled.
        _ = try ask(.getFeatures)
    }

    func startRing(_ ring: Int, base: UInt16) throws {
        let index = TestDriver.bytes(UInt32(ring))
        try send(.setRingSize, index + TestDriver.bytes(UInt32(TestDriver.ringSize)))
        try send(.setRingBase, index + TestDriver.bytes(UInt32(base)))
        let addresses = [descriptorOffset(ring), usedOffset(ring), availableOffset(ring), 0].flatMap {
            TestDriver.bytes(TestDriver.frontEndBase + UInt64($0))
        }
        try send(.setRingAddresses, index + TestDriver.bytes(UInt32(0)) + addresses)
        try send(.setRingKick, TestDriver.bytes(UInt64(ring)), descriptors: [kicks[ring].rawValue])
        try send(.setRingCall, TestDriver.bytes(UInt64(ring)), descriptors: [calls[ring].rawValue])
    }

    /// As when the guest resets the device, or QEMU pauses. - Returns: where each ring stopped.
    func stop() throws -> [UInt16] {
        for ring in 0..<2 { try send(.setRingEnabled, TestDriver.bytes(UInt32(ring)) + TestDriver.bytes(UInt32(0))) }
        return try (0..<2).map { UInt16(try ask(.getRingBase, TestDriver.bytes(UInt64($0))) >> 32) }
    }

    func sendMemoryTable() throws {
        let size = memorySize / regionCount
        var payload = TestDriver.bytes(UInt32(regionCount)) + TestDriver.bytes(UInt32(0))
        for region in 0..<regionCount {
            let offset = region * size
            payload += TestDriver.bytes(guestAddress(offset)) + TestDriver.bytes(UInt64(size))
            payload += TestDriver.bytes(TestDriver.frontEndBase + UInt64(offset)) + TestDriver.bytes(UInt64(offset))
        }
        try send(.setMemoryTable, payload, descriptors: Array(repeating: file.rawValue, count: regionCount))
    }

    /// Regions lie 256 MiB apart in the guest's view, in reverse order.
    func guestAddress(_ offset: Int) -> UInt64 {
        let size = memorySize / regionCount
        let (region, rest) = offset.quotientAndRemainder(dividingBy: size)
        return TestDriver.guestBase + UInt64(regionCount - 1 - region) << 28 + UInt64(rest)
    }

    // Everything of a ring lies in its first 16 KiB; buffers from 64 KiB on, so that regions share them.
    func descriptorOffset(_ ring: Int) -> Int { ring * 16384 }
    func availableOffset(_ ring: Int) -> Int { ring * 16384 + 4096 }
    func usedOffset(_ ring: Int) -> Int { ring * 16384 + 8192 }
    func headerOffset(_ ring: Int, _ slot: Int) -> Int { 40960 + (ring * TestDriver.slots + slot) * 64 }
    func payloadOffset(_ ring: Int, _ slot: Int) -> Int {
        ring == 0
            ? 1 << 18 | slot * TestDriver.receivePayload : (1 << 20) + slot * TestDriver.transmitPayload
    }

    func resetRings() {
        available = [0, 0]
        used = [0, 0]
        inbox = []
        freeTransmitSlots = Array(0..<TestDriver.slots)
        memset(memory, 0, 40960)
        for ring in 0..<2 {
            for slot in 0..<TestDriver.slots {
                let writable: UInt16 = ring == 0 ? 2 : 0
                setDescriptor(
                    ring, 2 * slot, address: guestAddress(headerOffset(ring, slot)), length: 44, flags: writable | 1,
                    next: UInt16(2 * slot + 1))
                setDescriptor(
                    ring, 2 * slot + 1, address: guestAddress(payloadOffset(ring, slot)),
                    length: UInt32(ring == 0 ? TestDriver.receivePayload : 0), flags: writable)
            }
        }
        if refills { for slot in 0..<TestDriver.slots { offerReceiveBuffer(slot) } }
    }

    func setDescriptor(_ ring: Int, _ index: Int, address: UInt64, length: UInt32, flags: UInt16, next: UInt16 = 0) {
        let entry = memory + descriptorOffset(ring) + 16 * index
        entry.storeBytes(of: address, as: UInt64.self)
        entry.storeBytes(of: length, toByteOffset: 8, as: UInt32.self)
        entry.storeBytes(of: flags, toByteOffset: 12, as: UInt16.self)
        entry.storeBytes(of: next, toByteOffset: 14, as: UInt16.self)
    }
}
