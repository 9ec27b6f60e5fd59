import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

@Suite(.serialized, .timeLimit(.minutes(1)))
struct LifecycleTests {
    @Test func theConfigurationIsTheGuestsCID() throws {
        let driver = try TestDriver()
        let head = TestDriver.bytes(UInt32(0)) + TestDriver.bytes(UInt32(8)) + TestDriver.bytes(UInt32(0))
        try driver.send(.getConfiguration, head + [UInt8](repeating: 0, count: 8))
        #expect(try driver.receiveReply() == head + TestDriver.bytes(TestDriver.guestCID))
        try driver.send(
            .getConfiguration, TestDriver.bytes(UInt32(1)) + TestDriver.bytes(UInt32(8)) + TestDriver.bytes(UInt32(0)))
        #expect(try driver.receiveReply().isEmpty)
    }

    @Test func exactlyTheMeasuredFeaturesAreOffered() throws {
        let driver = try TestDriver()
        #expect(try driver.ask(.getFeatures) == 1 << 32 | 1 << 30)
        #expect(try driver.ask(.getProtocolFeatures) == 1 << 9 | 1 << 3)
    }

    @Test func aRequestWithNeedReplyIsAcknowledgedAndAnUnknownOneRefused() throws {
        let driver = try TestDriver()
        try driver.send(.setOwner, [], flags: 9)
        #expect(try driver.receiveReply() == TestDriver.bytes(UInt64(0)))
        let unknown = TestDriver.bytes(UInt32(99)) + TestDriver.bytes(UInt32(9)) + TestDriver.bytes(UInt32(0))
        try driver.sendRaw(unknown)
        #expect(try driver.receiveReply() == TestDriver.bytes(UInt64(1)))
    }

    @Test func aFragmentedMessageIsUnderstood() throws {
        let driver = try TestDriver()
        for byte in TestDriver.bytes(UInt32(1)) + TestDriver.bytes(UInt32(1)) + TestDriver.bytes(UInt32(0)) {
            try driver.sendRaw([byte])
        }
        #expect(try driver.receiveReply() == TestDriver.bytes(UInt64(1 << 32 | 1 << 30)))
    }

    @Test func aMessageOfImpossibleSizeEndsTheSession() throws {
        let driver = try TestDriver()
        try driver.sendRaw(TestDriver.bytes(UInt32(1)) + TestDriver.bytes(UInt32(1)) + TestDriver.bytes(UInt32.max))
        #expect(driver.device.end() == false)
    }

    @Test func itEndsWhenTheConnectionDoesAndRemovesItsSocket() throws {
        let driver = try TestDriver()
        #expect(access(driver.device.path, F_OK) == 0)
        driver.disconnect()
        #expect(driver.device.end() == true)
        #expect(access(driver.device.path, F_OK) != 0)
    }

    /// What was signalled to the old descriptor while QEMU changed it may have been seen by nobody.
    @Test func aNewInterruptDescriptorOfARunningRingIsSignalledAtOnce() throws {
        let driver = try TestDriver()
        let new = try EventDescriptor()
        try driver.send(.setRingCall, TestDriver.bytes(UInt64(0)), descriptors: [new.rawValue])
        _ = try driver.ask(.getFeatures)
        var entry = pollfd(fd: new.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 0) == 1)
    }

    @Test func connectionsSurviveAPauseAndGoOn() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        let bases = try driver.stop()
        try program.write("while paused")
        driver.drainReceiveRing()
        #expect(!driver.inbox.contains { $0.operation == .payload })
        try driver.start(base: bases)
        #expect(try driver.receiveBytes(12, ports) == Array("while paused".utf8))
        try driver.send(.payload, host: ports.host, guest: ports.guest, Array("back".utf8))
        #expect(try program.read(4) == Array("back".utf8))
    }

    @Test func aResetEndsAllConnectionsAndANewDriverStartsClean() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        _ = try driver.stop()
        // Nobody is there to answer, and the caller learns at once.
        #expect(try HostProgram(path: driver.device.path).isAtEnd())
        try driver.start(base: [0, 0])
        #expect(try program.isAtEnd())
        try driver.send(.payload, host: ports.host, guest: ports.guest, [1])
        #expect(try driver.receive(.reset).header.portsToGuest == ports)
        let (second, fresh) = try driver.dialFromHost(port: 2)
        try second.write("x")
        #expect(try driver.receiveBytes(1, fresh) == [120])
    }

    @Test func kicksFromBeforeTheStartAreNotNeeded() throws {
        let driver = try TestDriver(starts: false)
        try driver.boot()
        _ = try driver.stop()
        driver.resetRings()
        // Offered and kicked while the device is stopped.
        try driver.send(.request, host: 5, guest: 5)
        for ring in driver.kicks { ring.drain() }
        try driver.send(.setFeatures, TestDriver.bytes(UInt64(1 << 32 | 1 << 30)))
        try driver.sendMemoryTable()
        for ring in 0..<2 { try driver.startRing(ring, base: 0) }
        for ring in 0..<2 {
            try driver.send(.setRingEnabled, TestDriver.bytes(UInt32(ring)) + TestDriver.bytes(UInt32(1)))
        }
        _ = try driver.receive(.reset)
    }

    @Test(arguments: [1, 2, 4, 8])
    func manyRegionsOfOneFileAreOneMemory(regions: Int) throws {
        let driver = try TestDriver(regionCount: regions)
        let (program, ports) = try driver.dialFromHost(port: 1)
        let bytes = StreamTests.pattern(150_000)
        try program.write(bytes)
        #expect(try driver.receiveBytes(bytes.count, ports) == bytes)
        try driver.send(.payload, host: ports.host, guest: ports.guest, Array(bytes[..<60_000]))
        #expect(try program.read(60_000) == Array(bytes[..<60_000]))
        // A new table while the rings run: they go on where they were.
        try driver.sendMemoryTable()
        try program.write("after")
        #expect(try driver.receiveBytes(5, ports) == Array("after".utf8))
    }

    @Test func aSocketThatADeadDeviceLeftIsReplacedAndALiveOneRespected() throws {
        let driver = try TestDriver()
        #expect(throws: SystemError.self) { try VsockDevice(guestCID: 7, path: driver.device.path) }
        let path = driver.device.directory + "/stale"
        do { _ = try UnixSocket.listen(at: path) }
        #expect(access(path, F_OK) == 0)
        do { withExtendedLifetime(try VsockDevice(guestCID: 7, path: path)) {} }
        #expect(access(path, F_OK) != 0)
        _ = try FileDescriptor.open(path, O_CREAT | O_WRONLY)
        #expect(throws: SystemError.self) { try VsockDevice(guestCID: 7, path: path) }
        unlink(path)
    }
}
