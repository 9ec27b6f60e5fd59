import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

@Suite(.serialized, .timeLimit(.minutes(1)))
struct ShutdownTests {
    @Test func aHostHalfCloseReachesTheGuestAndItsAnswerStillComes() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        try program.write("question")
        program.shutdownWriting()
        #expect(try driver.receiveBytes(8, ports) == Array("question".utf8))
        #expect(try driver.receive(.shutdown).header.flags == VsockShutdown.send.rawValue)
        try driver.send(.payload, host: ports.host, guest: ports.guest, Array("answer".utf8))
        #expect(try program.read(6) == Array("answer".utf8))
    }

    @Test func aGuestHalfCloseReachesTheHostAndItsAnswerStillComes() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        try driver.send(.payload, host: ports.host, guest: ports.guest, Array("question".utf8))
        try driver.send(.shutdown, host: ports.host, guest: ports.guest, flags: VsockShutdown.send.rawValue)
        #expect(try program.read(9) == Array("question".utf8))
        try program.write("answer")
        #expect(try driver.receiveBytes(6, ports) == Array("answer".utf8))
    }

    @Test func aHostCloseAfterBytesDeliversThemFirst() throws {
        let driver = try TestDriver()
        var (program, ports): (HostProgram?, VsockPorts) = try driver.dialFromHost(port: 1)
        try program?.write("bye")
        program = nil
        #expect(try driver.receive(where: { $0.operation != .creditUpdate }).payload == Array("bye".utf8))
        #expect(try driver.receive(.shutdown).header.flags == VsockShutdown.both.rawValue)
        try driver.send(.reset, host: ports.host, guest: ports.guest)
        // Forgotten: anything more for it is unknown.
        try driver.send(.payload, host: ports.host, guest: ports.guest, [1])
        _ = try driver.receive(.reset)
    }

    @Test func aHostCloseThatTheGuestNeverConfirmsIsResetInTime() throws {
        var limits = DeviceLimits()
        limits.lingerTime = 1
        let driver = try TestDriver(limits: limits)
        var program: HostProgram? = try driver.dialFromHost(port: 1).host
        withExtendedLifetime(program) {}
        program = nil
        _ = try driver.receive(.shutdown)
        _ = try driver.receive(.reset)
    }

    @Test func aGuestCloseIsConfirmedOnlyAfterTheFlush() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        let part = StreamTests.pattern(65536)
        // The socket takes about 200 KiB; the rest waits in the device.
        for _ in 0..<6 { try driver.send(.payload, host: ports.host, guest: ports.guest, part) }
        try driver.send(.shutdown, host: ports.host, guest: ports.guest, flags: VsockShutdown.both.rawValue)
        // A refused request is answered behind whatever the shutdown would have brought.
        try driver.send(.request, host: 999, guest: 999)
        _ = try driver.receive { $0.operation == .reset && $0.header.sourcePort == 999 }
        #expect(!driver.inbox.contains { $0.operation == .reset })
        #expect(try program.read(6 * 65536).count == 6 * 65536)
        #expect(try driver.receive(.reset).header.portsToGuest == ports)
        #expect(try program.isAtEnd())
    }

    @Test func theGuestsLastBytesReachASlowReaderEvenAfterAReset() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        let part = StreamTests.pattern(65536)
        for _ in 0..<6 { try driver.send(.payload, host: ports.host, guest: ports.guest, part) }
        try driver.send(.reset, host: ports.host, guest: ports.guest)
        // The name is free at once.
        try driver.send(.payload, host: ports.host, guest: ports.guest, [1])
        _ = try driver.receive(.reset)
        #expect(try program.read(6 * 65536).count == 6 * 65536)
        #expect(try program.isAtEnd())
    }

    @Test func aHostProgramThatStopsReadingIsToldToTheGuest() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        shutdown(program.socket.rawValue, Int32(SHUT_RD))
        try driver.send(.payload, host: ports.host, guest: ports.guest, [1])
        #expect(try driver.receive(.shutdown).header.flags == VsockShutdown.receive.rawValue)
        try program.write("still here")
        #expect(try driver.receiveBytes(10, ports) == Array("still here".utf8))
    }
}
