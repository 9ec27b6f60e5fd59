import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

@Suite(.serialized, .timeLimit(.minutes(1)))
struct ScaleTests {
    @Test func twoThousandConnectionsAtOnceEachGetTheirOwnBytes() throws {
        var limits = DeviceLimits()
        limits.fitDescriptors()
        let driver = try TestDriver(limits: limits)
        var all: [(host: HostProgram, ports: VsockPorts)] = []
        for port in 0..<2000 { all.append(try driver.dialFromHost(port: UInt32(port))) }
        for (index, entry) in all.enumerated() { try entry.host.write(TestDriver.bytes(UInt32(index))) }
        var seen: [UInt32: [UInt8]] = [:]
        while seen.count < all.count {
            let packet = try driver.receive(.payload)
            seen[packet.header.destinationPort] = packet.payload
        }
        for index in all.indices { #expect(seen[UInt32(index)] == TestDriver.bytes(UInt32(index))) }
        for entry in all {
            try driver.send(
                .payload, host: entry.ports.host, guest: entry.ports.guest, TestDriver.bytes(entry.ports.guest))
        }
        for (index, entry) in all.enumerated() { #expect(try entry.host.read(4) == TestDriver.bytes(UInt32(index))) }
    }

    @Test func aFullDeviceRefusesBothSidesAndTakesNewOnesWhenThereIsRoom() throws {
        var limits = DeviceLimits()
        limits.connections = 2
        let driver = try TestDriver(limits: limits)
        let (_, ports) = try driver.dialFromHost(port: 1)
        let kept = try driver.dialFromHost(port: 2)
        #expect(try HostProgram(path: driver.device.path).isAtEnd())
        let listener = try UnixSocket.listen(at: driver.device.path + "_7")
        try driver.send(.request, host: 7, guest: 1)
        _ = try driver.receive { $0.operation == .reset && $0.header.sourcePort == 7 }
        unlink(driver.device.path + "_7")
        withExtendedLifetime(listener.rawValue) {}
        // The first host program is gone by now; the guest confirms.
        _ = try driver.receive(.shutdown)
        try driver.send(.reset, host: ports.host, guest: ports.guest)
        try driver.send(.creditRequest, host: kept.ports.host, guest: kept.ports.guest)
        _ = try driver.receive(.creditUpdate)
        let (program, fresh) = try driver.dialFromHost(port: 3)
        try program.write("x")
        #expect(try driver.receiveBytes(1, fresh) == [120])
    }

    @Test func aStalledHostReaderDoesNotHoldUpTheOthers() throws {
        let driver = try TestDriver()
        let stalled = try driver.dialFromHost(port: 1)
        let live = try driver.dialFromHost(port: 2)
        for _ in 0..<6 {
            try driver.send(.payload, host: stalled.ports.host, guest: stalled.ports.guest, StreamTests.pattern(65536))
        }
        for round in 0..<50 {
            try driver.send(.payload, host: live.ports.host, guest: live.ports.guest, [UInt8(round)])
            #expect(try live.host.read(1) == [UInt8(round)])
        }
        #expect(try stalled.host.read(6 * 65536).count == 6 * 65536)
    }

    @Test func aGuestThatGivesOneNoCreditStillGetsTheOthers() throws {
        let driver = try TestDriver()
        let stalled = try driver.dialFromHost(port: 1)
        let live = try driver.dialFromHost(port: 2)
        try driver.limitCredit(stalled.ports, bufferSize: 0, forwarded: 0)
        try driver.send(.creditRequest, host: stalled.ports.host, guest: stalled.ports.guest, flags: 0, bufferSize: 0)
        _ = try driver.receive(.creditUpdate)
        try stalled.host.write(StreamTests.pattern(100_000))
        for round in 0..<50 {
            try live.host.write([UInt8(round)])
            let packet = try driver.receive(.payload)
            #expect(packet.header.portsToGuest == live.ports)
            #expect(packet.payload == [UInt8(round)])
        }
    }

    @Test func aFloodOnOneConnectionLeavesRoomForAnother() throws {
        let driver = try TestDriver()
        driver.refills = true
        let flood = try driver.dialFromHost(port: 1)
        let small = try driver.dialFromHost(port: 2)
        let raw = flood.host.socket.rawValue
        try Thread.start(name: "flood") {
            let bytes = [UInt8](repeating: 1, count: 65536)
            for _ in 0..<64 { if write(raw, bytes, bytes.count) <= 0 { return } }
        }
        var received = try driver.receive(.payload).payload.count
        try small.host.write("!")
        var between = 0
        while true {
            let packet = try driver.receive(.payload)
            if packet.header.portsToGuest == small.ports { break }
            between += packet.payload.count
        }
        received += between
        // What was in the ring and the sockets already, but not the whole flood.
        #expect(between < 2 << 20)
        while received < 64 * 65536 { received += try driver.receive(.payload).payload.count }
    }

    @Test func withoutReceiveBuffersNothingIsLostAndStrayPacketsCostNoMemory() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        driver.refills = false
        // On a thread: the last of it goes into the socket only when the device, which has no buffers now, reads on.
        let writer = HostProgram(owning: try program.socket.duplicate())
        try Thread.start(name: "host program") { try? writer.write(StreamTests.pattern(250_000)) }
        // More strays than replies are kept for: the transmit ring then stands still, and goes on afterwards.
        var bytes: [UInt8] = []
        var sent = 0
        while sent < 280 {
            driver.reclaim()
            if driver.freeTransmitSlots.isEmpty { break }
            try driver.send(.payload, host: 3, guest: 3, [1])
            sent += 1
            if driver.freeTransmitSlots.isEmpty, sent < StrayReplies.capacity { try driver.waitForCall(1) }
        }
        driver.refills = true
        driver.drainReceiveRing()
        for packet in driver.inbox where packet.operation == .payload { bytes += packet.payload }
        driver.inbox = []
        while bytes.count < 250_000 { bytes += try driver.receive(.payload).payload }
        #expect(bytes == StreamTests.pattern(250_000))
        withExtendedLifetime(ports) {}
    }
}
