import Glibc
import LinuxSystem

/// One message of QEMU's: header, payload and the descriptors that came along.
struct VhostUserMessage: ~Copyable {
    /// `request`, `flags`, `size`: 32 bits each.
    static let headerSize = 12
    /// The largest that is known is a memory table of 32 regions, 1,032 bytes.
    static let mostPayload = 4096

    /// Raw, because a newer QEMU may send what this device does not know.
    let request: UInt32
    let flags: UInt32
    let payload: [UInt8]
    var descriptors: PassedDescriptors

    /// With REPLY_ACK: the sender waits for an answer even to a request that has none.
    var needsReply: Bool { flags & 8 != 0 }

    /// A field of the payload. - Throws: `EBADMSG` when the payload is too short for it.
    func field<Value: FixedWidthInteger>(_ offset: Int, _ type: Value.Type) throws(SystemError) -> Value {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= payload.count else {
            throw SystemError("read a vhost-user message", code: EBADMSG)
        }
        return payload.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    }
}

/// Descriptors that came with a message; closes those nobody takes.
struct PassedDescriptors: ~Copyable {
    private var values: [Int32]
    private var next = 0

    init(owning values: [Int32]) { self.values = values }
    deinit { for index in next..<values.count { close(values[index]) } }

    var count: Int { values.count - next }

    /// The next one, in the order they were sent.
    mutating func take() -> FileDescriptor? {
        guard next < values.count else { return nil }
        next += 1
        return FileDescriptor(owning: values[next - 1])
    }
}
