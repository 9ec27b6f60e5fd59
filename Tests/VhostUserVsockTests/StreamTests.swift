import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

@Suite(.serialized, .timeLimit(.minutes(1)))
struct StreamTests {
    static func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed) }
    }

    @Test func bytesGoBothWaysOnAHostDialledConnection() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1023)
        #expect(ports.guest == 1023)
        try program.write("hello")
        #expect(try driver.receiveBytes(5, ports) == Array("hello".utf8))
        try driver.send(.payload, host: ports.host, guest: ports.guest, Array("world!".utf8))
        #expect(try program.read(6) == Array("world!".utf8))
    }

    @Test func bytesGoBothWaysOnAGuestDialledConnection() throws {
        let driver = try TestDriver()
        let program = try driver.dialFromGuest(port: 1023, from: 5)
        try driver.send(.payload, host: 1023, guest: 5, Array("up".utf8))
        #expect(try program.read(2) == Array("up".utf8))
        try program.write("down")
        #expect(try driver.receiveBytes(4, VsockPorts(host: 1023, guest: 5)) == Array("down".utf8))
    }

    @Test func payloadRightBehindAFragmentedConnectLineIsNotSwallowed() throws {
        let driver = try TestDriver()
        let program = try HostProgram(path: driver.device.path)
        for part in ["CON", "NECT 7", "7\nfirst bytes"] { try program.write(part) }
        let request = try driver.receive(.request)
        #expect(request.header.destinationPort == 77)
        try driver.send(.response, host: request.header.sourcePort, guest: 77)
        #expect(try program.readLine() == "OK \(request.header.sourcePort)")
        let bytes = try driver.receiveBytes(11, VsockPorts(host: request.header.sourcePort, guest: 77))
        #expect(bytes == Array("first bytes".utf8))
    }

    @Test func aFewBytesReachTheGuestBeforeItHasAnsweredAndTheRestAndTheEndAfterwards() throws {
        let driver = try TestDriver()
        let program = try HostProgram(path: driver.device.path)
        let bytes = StreamTests.pattern(6000)
        try program.write(Array("CONNECT 5\n".utf8) + bytes)
        program.shutdownWriting()
        let ports = VsockPorts(host: try driver.receive(.request).header.sourcePort, guest: 5)
        var received = try driver.receiveBytes(4096, ports)
        #expect(received.count == 4096)
        try driver.send(.response, host: ports.host, guest: 5)
        #expect(try program.readLine() == "OK \(ports.host)")
        received += try driver.receiveBytes(6000 - 4096, ports)
        #expect(received == bytes)
        #expect(try driver.receive(.shutdown).header.flags == VsockShutdown.send.rawValue)
    }

    @Test func anEndRightBehindTheConnectLineIsToldOnceTheGuestHasAnswered() throws {
        let driver = try TestDriver()
        let program = try HostProgram(path: driver.device.path)
        try program.write("CONNECT 5\n")
        program.shutdownWriting()
        let ports = VsockPorts(host: try driver.receive(.request).header.sourcePort, guest: 5)
        try driver.send(.response, host: ports.host, guest: 5)
        #expect(try program.readLine() == "OK \(ports.host)")
        #expect(try driver.receive(.shutdown).header.flags == VsockShutdown.send.rawValue)
        try driver.send(.payload, host: ports.host, guest: 5, Array("answer".utf8))
        #expect(try program.read(6) == Array("answer".utf8))
    }

    @Test(arguments: [
        "GET / HTTP/1.0\n", "CONNECT \n", "CONNECT 4294967296\n", "CONNECT 1 2\n", "CONNECT 00000000000001\n",
    ])
    func anythingButAConnectLineIsClosed(line: String) throws {
        let driver = try TestDriver()
        let program = try HostProgram(path: driver.device.path)
        try program.write(line)
        #expect(try program.isAtEnd())
    }

    @Test func aSlowConnecterIsClosedAtItsDeadline() throws {
        var limits = DeviceLimits()
        limits.greetingTime = 1
        let driver = try TestDriver(limits: limits)
        let program = try HostProgram(path: driver.device.path)
        try program.write("CONNECT ")
        #expect(try program.isAtEnd())
    }

    @Test func aRefusalEndsTheHostProgramAndAnUnheardPortResetsTheGuest() throws {
        let driver = try TestDriver()
        let program = try HostProgram(path: driver.device.path)
        try program.write("CONNECT 9\n")
        let request = try driver.receive(.request)
        try driver.send(.reset, host: request.header.sourcePort, guest: 9)
        #expect(try program.isAtEnd())
        try driver.send(.request, host: 4711, guest: 6)
        let reply = try driver.receive(.reset)
        #expect(reply.header.portsToGuest == VsockPorts(host: 4711, guest: 6))
    }

    @Test func hostBytesComeWholeThroughPartialReadsAndTheGuestsCredit() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        let bytes = StreamTests.pattern(1 << 20)
        try driver.limitCredit(ports, bufferSize: 10_000, forwarded: 0)
        let raw = program.socket.rawValue
        try Thread.start(name: "writer") { [bytes] in
            bytes.withUnsafeBytes { buffer in
                var done = 0
                while done < buffer.count {
                    let moved = write(raw, buffer.baseAddress! + done, min(buffer.count - done, 7777))
                    if moved <= 0 { break }
                    done += moved
                }
            }
        }
        var received: [UInt8] = []
        while received.count < bytes.count {
            let packet = try driver.receive { $0.operation == .payload }
            received += packet.payload
            #expect(packet.payload.count <= 10_000)
            if received.count % 3 == 0 || driver.inbox.isEmpty {
                try driver.limitCredit(ports, bufferSize: 10_000, forwarded: UInt32(received.count))
            }
        }
        #expect(received == bytes)
    }

    @Test func withoutCreditNothingIsSentAndTheGuestIsAskedForIt() throws {
        var limits = DeviceLimits()
        limits.creditTime = 1
        let driver = try TestDriver(limits: limits)
        let (program, ports) = try driver.dialFromHost(port: 1)
        try driver.limitCredit(ports, bufferSize: 3, forwarded: 0)
        // The answer to this one comes after the limit has been taken in.
        try driver.send(.creditRequest, host: ports.host, guest: ports.guest, flags: 0, bufferSize: 3)
        _ = try driver.receive(.creditUpdate)
        try program.write("abcdef")
        #expect(try driver.receive(.payload).payload == Array("abc".utf8))
        _ = try driver.receive(.creditRequest)
        #expect(!driver.inbox.contains { $0.operation == .payload })
        try driver.limitCredit(ports, bufferSize: 3, forwarded: 3)
        #expect(try driver.receive(.payload).payload == Array("def".utf8))
    }

    @Test func guestBytesWaitForASlowHostProgramAndCreditComesBack() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        let bytes = StreamTests.pattern(1 << 20)
        var sent = 0
        var forwarded = 0
        var received: [UInt8] = []
        while received.count < bytes.count {
            while sent < bytes.count, sent - forwarded + 32768 <= 256 * 1024 {
                let part = Array(bytes[sent..<min(sent + 32768, bytes.count)])
                try driver.send(.payload, host: ports.host, guest: ports.guest, part)
                sent += part.count
            }
            received += try program.read(min(100_000, sent - received.count))
            driver.drainReceiveRing()
            for packet in driver.inbox { forwarded = max(forwarded, Int(packet.header.forwarded)) }
            driver.inbox = []
            if sent < bytes.count, sent - forwarded + 32768 > 256 * 1024, received.count == sent {
                forwarded = Int(try driver.receive(.creditUpdate).header.forwarded)
            }
        }
        #expect(received == bytes)
    }

    @Test func aGuestThatOverrunsItsCreditIsReset() throws {
        let driver = try TestDriver()
        let (program, ports) = try driver.dialFromHost(port: 1)
        let part = [UInt8](repeating: 7, count: 65536)
        // The host program reads nothing: its socket takes some, the buffer 256 KiB, and then it is over.
        for _ in 0..<16 { try driver.send(.payload, host: ports.host, guest: ports.guest, part) }
        let reset = try driver.receive(.reset)
        #expect(reset.header.portsToGuest == ports)
        withExtendedLifetime(program) {}
    }
}

extension TestDriver {
    func limitCredit(_ ports: VsockPorts, bufferSize: UInt32, forwarded: UInt32) throws {
        var packet = header(.creditUpdate, host: ports.host, guest: ports.guest)
        packet.bufferSize = bufferSize
        packet.forwarded = forwarded
        try send(packet)
    }

    func send(_ operation: VsockOperation, host: UInt32, guest: UInt32, flags: UInt32, bufferSize: UInt32) throws {
        var packet = header(operation, host: host, guest: guest, flags: flags)
        packet.bufferSize = bufferSize
        try send(packet)
    }
}
