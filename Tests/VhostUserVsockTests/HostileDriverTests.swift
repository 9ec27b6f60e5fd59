import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

/// A guest that writes whatever it likes. The device must not crash, read outside guest memory (which would be a
/// crash: what lies behind it is not mapped) or spin; and QEMU must always get its answers.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct HostileDriverTests {
    enum Attack: CaseIterable, Sendable {
        case addressOutside, addressOverflow, lengthOutside, loop, nextOutside, headOutside, indexJump, writable,
            indirect
    }

    @Test(arguments: Attack.allCases, [0, 1])
    func aBrokenChainStopsTheRingsAndOnlyThem(attack: Attack, ring: Int) throws {
        let driver = try TestDriver()
        let (program, _) = try driver.dialFromHost(port: 1)
        let good: UInt16 = ring == 0 ? 2 : 0
        let address = driver.guestAddress(driver.headerOffset(ring, 0))
        // In the ring the next receive buffers are slot 1 and on; all of them are made bad.
        for slot in 0..<TestDriver.slots {
            let index = 2 * slot
            switch attack {
            case .addressOutside: driver.setDescriptor(ring, index, address: 1 << 40, length: 44, flags: good)
            case .addressOverflow: driver.setDescriptor(ring, index, address: .max - 10, length: 44, flags: good)
            case .lengthOutside: driver.setDescriptor(ring, index, address: address, length: .max, flags: good)
            case .loop:
                driver.setDescriptor(ring, index, address: address, length: 1, flags: good | 1, next: UInt16(index))
            case .nextOutside:
                driver.setDescriptor(ring, index, address: address, length: 44, flags: good | 1, next: 64)
            case .writable: driver.setDescriptor(ring, index, address: address, length: 44, flags: good ^ 2)
            case .indirect: driver.setDescriptor(ring, index, address: address, length: 44, flags: good | 4)
            case .headOutside:
                for entry in 0..<64 {
                    SharedMemory.store(999, to: driver.memory + driver.availableOffset(ring) + 4 + 2 * entry)
                }
            case .indexJump: driver.available[ring] &+= 1000
            }
        }
        driver.offer(ring, head: attack == .headOutside ? 999 : 0)
        driver.kick(ring)
        // More than the buffers that the device may have seen already.
        if ring == 0 { try? program.write(StreamTests.pattern(150_000)) }
        // The connection ends, because nothing can be told to the guest any more.
        #expect(try program.isAtEnd())
        #expect(try driver.ask(.getFeatures) == VhostUserFeatures.device)
        // And a driver that starts anew is served.
        _ = try driver.stop()
        try driver.start(base: [0, 0])
        _ = try driver.dialFromHost(port: 2)
    }

    @Test func headersThatLieEndTheirConnectionOnly() throws {
        let driver = try TestDriver()
        let bystander = try driver.dialFromHost(port: 9)
        func attack(_ change: (inout VsockHeader) -> Void) throws {
            let (program, ports) = try driver.dialFromHost(port: 1)
            var header = driver.header(.payload, host: ports.host, guest: ports.guest, length: 4)
            change(&header)
            try driver.send(header, [1, 2, 3, 4])
            #expect(try driver.receive(.reset).header.portsToGuest == ports)
            #expect(try program.read(10).count <= 4)
        }
        try attack { $0.length = 5 }
        try attack { $0.length = .max }
        try attack { $0.type = 2 }
        try attack { $0.operation = 0 }
        try attack { $0.operation = 999 }
        try attack { $0.operation = VsockOperation.request.rawValue }
        try attack { $0.operation = VsockOperation.response.rawValue }
        try bystander.host.write("alive")
        #expect(try driver.receiveBytes(5, bystander.ports) == Array("alive".utf8))
    }

    @Test func packetsFromOrToAnotherCIDAreDropped() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        var forged = driver.header(.payload, host: ports.host, guest: ports.guest, length: 1)
        forged.sourceCID = 43
        try driver.send(forged, [1])
        forged.sourceCID = TestDriver.guestCID
        forged.destinationCID = 3
        try driver.send(forged, [2])
        try driver.send(.payload, host: ports.host, guest: ports.guest, [3])
        #expect(try program.read(1) == [3])
    }

    @Test func anAnswerToARequestThatWasNotSentIsRefused() throws {
        let driver = try TestDriver()
        try driver.send(.response, host: VsockMultiplexer.firstHostPort, guest: 1)
        _ = try driver.receive(.reset)
    }

    /// Random rings, descriptors, headers and indices, 20,000 steps.
    @Test func aRandomDriverNeverEndsTheDevice() throws {
        var random = SplitMix(seed: 0x5eed)
        let driver = try TestDriver(regionCount: 4)
        for round in 0..<200 {
            try driver.restart()
            for _ in 0..<100 { driver.act(&random) }
            #expect(try driver.ask(.getFeatures) == VhostUserFeatures.device, "round \(round)")
        }
    }

    /// Well-formed chains with random headers: the connection logic rather than the ring.
    @Test func randomPacketsNeverEndTheDevice() throws {
        var random = SplitMix(seed: 0xcafe)
        let driver = try TestDriver()
        let listener = try UnixSocket.listen(at: driver.device.path + "_1")
        try listener.setNonBlocking(true)
        defer { unlink(driver.device.path + "_1") }
        var programs: [HostProgram] = []
        for step in 0..<5000 {
            var header = driver.header(.payload, host: UInt32(random.below(3)), guest: UInt32(random.below(4)))
            header.operation = UInt16(random.below(9))
            header.length = UInt32(random.below(3) == 0 ? random.below(100_000) : random.below(2000))
            header.flags = UInt32(random.below(5))
            header.bufferSize = UInt32(truncatingIfNeeded: random.next())
            header.forwarded = UInt32(truncatingIfNeeded: random.next() >> UInt64(random.below(64)))
            if random.below(50) == 0 { header.type = UInt16(random.below(4)) }
            try driver.send(header, [UInt8](repeating: 1, count: random.below(2000)))
            driver.drainReceiveRing()
            driver.inbox = []
            if let accepted = try UnixSocket.accept(listener.rawValue) {
                programs.append(HostProgram(owning: accepted))
                try? programs.last?.write("hello")
            }
            if programs.count > 8 { programs.remove(at: random.below(8)) }
            if step % 500 == 0 { #expect(try driver.ask(.getFeatures) == VhostUserFeatures.device) }
        }
    }
}

extension TestDriver {
    func restart() throws {
        _ = try stop()
        try start(base: [0, 0])
    }

    /// One random deed of a hostile guest.
    func act(_ random: inout SplitMix) {
        let ring = random.below(2)
        switch random.below(8) {
        case 0: memory.storeBytes(of: random.next(), toByteOffset: random.below(40_000), as: UInt64.self)
        case 1, 2:
            let address =
                random.below(3) == 0
                ? random.next() >> UInt64(random.below(64)) : guestAddress(random.below(memorySize))
            setDescriptor(
                ring, random.below(64), address: address,
                length: UInt32(random.below(3) == 0 ? random.below(1 << 32) : random.below(5000)),
                flags: UInt16(random.below(8) == 0 ? random.below(65536) : (ring == 0 ? 2 : 0) | random.below(2)),
                next: UInt16(random.below(66)))
        case 3:
            let header = header(
                .request, host: UInt32(random.below(4)), guest: UInt32(random.below(4)), length: random.below(100_000))
            header.store(to: memory + headerOffset(ring, random.below(TestDriver.slots)))
        case 4: SharedMemory.storeReleasing(UInt16(random.below(65536)), to: memory + availableOffset(ring) + 2)
        default: offer(ring, head: UInt16(random.below(10) == 0 ? random.below(65536) : random.below(64)))
        }
        kick(ring)
    }
}

/// SplitMix64: the same sequence in every run.
struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
