import Glibc
import LinuxSystem

@testable import VhostUserVsock

/// The guest driver's part.
extension TestDriver {
    /// Makes a chain available; the guest then kicks.
    func offer(_ ring: Int, head: UInt16) {
        let entry = Int(available[ring] % TestDriver.ringSize)
        SharedMemory.store(head, to: memory + availableOffset(ring) + 4 + 2 * entry)
        available[ring] &+= 1
        SharedMemory.storeReleasing(available[ring], to: memory + availableOffset(ring) + 2)
    }

    func offerReceiveBuffer(_ slot: Int) { offer(0, head: UInt16(2 * slot)) }
    func kick(_ ring: Int) { kicks[ring].signal() }

    /// A header from the guest, with the credit of a guest that reads everything at once.
    func header(_ operation: VsockOperation, host: UInt32, guest: UInt32, length: Int = 0, flags: UInt32 = 0)
        -> VsockHeader
    {
        VsockHeader(
            sourceCID: TestDriver.guestCID, destinationCID: 2, sourcePort: guest, destinationPort: host,
            length: UInt32(length), operation: operation.rawValue, flags: flags, bufferSize: 1 << 30, forwarded: 0)
    }

    func send(_ operation: VsockOperation, host: UInt32, guest: UInt32, _ payload: [UInt8] = [], flags: UInt32 = 0)
        throws
    {
        try send(header(operation, host: host, guest: guest, length: payload.count, flags: flags), payload)
    }

    /// Sends any packet, waiting for a free slot of the transmit ring.
    func send(_ header: VsockHeader, _ payload: [UInt8] = []) throws {
        while freeTransmitSlots.isEmpty {
            reclaim()
            if freeTransmitSlots.isEmpty { try waitForCall(1) }
        }
        let slot = freeTransmitSlots.removeLast()
        header.store(to: memory + headerOffset(1, slot))
        payload.withUnsafeBytes {
            if let base = $0.baseAddress { memcpy(memory + payloadOffset(1, slot), base, $0.count) }
        }
        setDescriptor(
            1, 2 * slot + 1, address: guestAddress(payloadOffset(1, slot)), length: UInt32(payload.count), flags: 0)
        offer(1, head: UInt16(2 * slot))
        kick(1)
    }

    func reclaim() {
        let index = SharedMemory.loadAcquiring(memory + usedOffset(1) + 2)
        while used[1] != index {
            let entry = memory + usedOffset(1) + 4 + 8 * Int(used[1] % TestDriver.ringSize)
            freeTransmitSlots.append(Int(entry.load(as: UInt32.self)) / 2)
            used[1] &+= 1
        }
    }

    func waitForCall(_ ring: Int) throws {
        try waitReadable(calls[ring].rawValue)
        calls[ring].drain()
    }

    /// Takes what is in the receive ring.
    func drainReceiveRing() {
        let index = SharedMemory.loadAcquiring(memory + usedOffset(0) + 2)
        var given = false
        while used[0] != index {
            let entry = memory + usedOffset(0) + 4 + 8 * Int(used[0] % TestDriver.ringSize)
            let slot = Int(entry.load(as: UInt32.self)) / 2
            let header = VsockHeader(copying: memory + headerOffset(0, slot))
            let payload = UnsafeRawBufferPointer(start: memory + payloadOffset(0, slot), count: Int(header.length))
            inbox.append(Packet(header: header, payload: Array(payload)))
            used[0] &+= 1
            if refills {
                offerReceiveBuffer(slot)
                given = true
            }
        }
        if given { kick(0) }
    }

    /// The next packet that `matches`; others stay in the inbox.
    func receive(where matches: (Packet) -> Bool = { _ in true }) throws -> Packet {
        while true {
            drainReceiveRing()
            if let index = inbox.firstIndex(where: matches) { return inbox.remove(at: index) }
            try waitForCall(0)
        }
    }

    func receive(_ operation: VsockOperation) throws -> Packet { try receive { $0.operation == operation } }

    // MARK: whole conversations

    /// A host program dials the guest's port, and the guest accepts.
    func dialFromHost(port: UInt32) throws -> (host: HostProgram, ports: VsockPorts) {
        let program = try HostProgram(path: device.path)
        try program.write("CONNECT \(port)\n")
        let request = try receive(.request)
        let ports = VsockPorts(host: request.header.sourcePort, guest: request.header.destinationPort)
        try send(.response, host: ports.host, guest: ports.guest)
        let answer = try program.readLine()
        if answer != "OK \(ports.host)" { throw SystemError("dial: \(answer)", code: EPROTO) }
        return (program, ports)
    }

    /// The guest dials a host program that listens for `port`.
    func dialFromGuest(port: UInt32, from guest: UInt32) throws -> HostProgram {
        let listener = try UnixSocket.listen(at: "\(device.path)_\(port)")
        defer { unlink("\(device.path)_\(port)") }
        try send(.request, host: port, guest: guest)
        _ = try receive(.response)
        guard let accepted = try UnixSocket.accept(listener.rawValue) else { throw SystemError("accept") }
        return HostProgram(owning: accepted)
    }

    /// `count` bytes of payload for one connection.
    func receiveBytes(_ count: Int, _ ports: VsockPorts) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            bytes += try receive { $0.operation == .payload && $0.header.portsToGuest == ports }.payload
        }
        return bytes
    }
}

extension VsockHeader {
    var portsToGuest: VsockPorts { VsockPorts(host: sourcePort, guest: destinationPort) }
}
