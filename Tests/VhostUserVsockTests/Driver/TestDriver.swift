import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

/// Plays QEMU and the guest's driver to a real device: a vhost-user connection, memory in a memfd, and two rings.
///
/// Ring slot `i` of either ring is the chain of descriptors `2i` (header) and `2i + 1` (payload).
final class TestDriver {
    static let guestCID: UInt64 = 42
    static let ringSize: UInt16 = 64
    static let slots = Int(ringSize) / 2
    static let receivePayload = 4096
    static let transmitPayload = 65536
    /// What QEMU would see; the device must never take it for a pointer.
    static let frontEndBase: UInt64 = 0x7f00_0000_0000
    static let guestBase: UInt64 = 0x10_0000

    let device: TestDevice
    private(set) var backEnd: FileDescriptor?
    let file: FileDescriptor
    let memory: UnsafeMutableRawPointer
    let memorySize = 4 << 20
    let regionCount: Int
    let kicks: [EventDescriptor]
    let calls: [EventDescriptor]
    /// Driver's view of each ring.
    var available: [UInt16] = [0, 0]
    var used: [UInt16] = [0, 0]
    var freeTransmitSlots = Array(0..<TestDriver.slots)
    /// Packets read from the ring and not yet asked for.
    var inbox: [Packet] = []
    /// Give receive buffers back as they are read.
    var refills = true

    struct Packet {
        var header: VsockHeader
        var payload: [UInt8]
        var operation: VsockOperation? { VsockOperation(rawValue: header.operation) }
    }

    /// - Parameter regionCount: 1, 2, 4 or 8 equal stretches of one file, apart in the guest's view.
    init(limits: DeviceLimits = DeviceLimits(), regionCount: Int = 1, starts: Bool = true) throws {
        self.regionCount = regionCount
        let pair = try UnixSocket.pair()
        file = try FileDescriptor.memoryFile(name: "guest", size: memorySize)
        guard let mapped = mmap(nil, memorySize, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0),
            mapped != MAP_FAILED
        else { throw SystemError("map") }
        memory = mapped
        kicks = [try EventDescriptor(), try EventDescriptor()]
        calls = [try EventDescriptor(), try EventDescriptor()]
        let mine = pair.first
        let theirs = pair.second
        backEnd = consume mine
        device = try TestDevice(theirs, limits: limits)
        if starts { try boot() }
    }

    deinit {
        backEnd = nil
        _ = device.end()
        munmap(memory, memorySize)
    }

    func disconnect() { backEnd = nil }

    // MARK: vhost-user

    func send(_ request: VhostUserRequest, _ payload: [UInt8], descriptors: [Int32] = [], flags: UInt32 = 1) throws {
        let bytes =
            TestDriver.bytes(request.rawValue) + TestDriver.bytes(flags) + TestDriver.bytes(UInt32(payload.count))
            + payload
        try sendRaw(bytes, descriptors: descriptors)
    }

    func sendRaw(_ bytes: [UInt8], descriptors: [Int32] = []) throws {
        let socket = backEnd?.rawValue ?? -1
        // CMSG_LEN and the header of one SCM_RIGHTS message, laid out by hand: the macros are not importable.
        var control = TestDriver.bytes(UInt64(16 + 4 * descriptors.count)) + TestDriver.bytes(Int32(SOL_SOCKET))
        control += TestDriver.bytes(Int32(1)) + descriptors.flatMap { TestDriver.bytes($0) }
        while control.count % 8 != 0 { control.append(0) }
        let sent = bytes.withUnsafeBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    if !descriptors.isEmpty {
                        message.msg_control = control.baseAddress
                        message.msg_controllen = control.count
                    }
                    return sendmsg(socket, &message, Int32(MSG_NOSIGNAL))
                }
            }
        }
        if sent != bytes.count { throw SystemError("send") }
    }

    func receiveReply() throws -> [UInt8] {
        let header = try readExactly(12)
        let size = header[8...11].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        return try readExactly(size)
    }

    private func readExactly(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            guard let raw = backEnd?.rawValue else { throw SystemError("receive", code: EBADF) }
            try waitReadable(raw)
            let moved = bytes.withUnsafeMutableBytes { recv(raw, $0.baseAddress! + done, count - done, 0) }
            if moved <= 0 { throw SystemError("receive", code: EPIPE) }
            done += moved
        }
        return bytes
    }

    func ask(_ request: VhostUserRequest, _ payload: [UInt8] = []) throws -> UInt64 {
        try send(request, payload)
        return try receiveReply().enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
    }

    func waitReadable(_ raw: Int32) throws {
        var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        if poll(&entry, 1, 10_000) <= 0 { throw SystemError("wait", code: ETIMEDOUT) }
    }

    static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
