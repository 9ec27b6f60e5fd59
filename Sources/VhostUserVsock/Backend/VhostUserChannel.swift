import Glibc
import LinuxSystem

/// The connection to QEMU: whole messages in, answers out. Never waits for the rest of a message, so a QEMU that
/// stops in the middle of one stops nothing else.
///
/// Concurrency: belongs to the session's thread.
final class VhostUserChannel {
    private static let mostDescriptors = 64
    private static let version: UInt32 = 1
    private static let replyFlag: UInt32 = 4

    private let descriptor: FileDescriptor
    private var buffer: [UInt8]
    private var filled = 0
    private var passed: [Int32] = []
    var rawValue: Int32 { descriptor.rawValue }

    init(owning descriptor: consuming FileDescriptor) throws(SystemError) {
        try descriptor.setNonBlocking(true)
        self.descriptor = descriptor
        buffer = Array(repeating: 0, count: VhostUserMessage.headerSize + VhostUserMessage.mostPayload)
    }

    deinit { for value in passed { close(value) } }

    enum Incoming: ~Copyable {
        case message(VhostUserMessage)
        /// The rest has not arrived.
        case incomplete
        /// QEMU closed the connection.
        case closed
    }

    /// - Throws: `EBADMSG` for a message no vhost-user front end sends.
    func receive() throws(SystemError) -> Incoming {
        while true {
            let wanted = VhostUserMessage.headerSize + (filled < VhostUserMessage.headerSize ? 0 : payloadSize)
            if filled == wanted { return .message(takeMessage()) }
            var fresh: [Int32] = []
            let transfer = try receive(upTo: wanted, descriptors: &fresh)
            passed += fresh
            guard passed.count <= VhostUserChannel.mostDescriptors else { throw bad }
            switch transfer {
            case .wouldBlock: return .incomplete
            case .endOfFile: return .closed
            case .moved(let count): filled += count
            }
            if filled >= VhostUserMessage.headerSize {
                guard word(4) & 3 == VhostUserChannel.version, payloadSize <= VhostUserMessage.mostPayload else {
                    throw bad
                }
            }
        }
    }

    private var bad: SystemError { SystemError("read a vhost-user message", code: EBADMSG) }
    private var payloadSize: Int { Int(word(8)) }

    private func word(_ offset: Int) -> UInt32 {
        buffer.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }

    private func receive(upTo wanted: Int, descriptors: inout [Int32]) throws(SystemError) -> TransferResult {
        var numbers = [Int32](repeating: -1, count: VhostUserChannel.mostDescriptors)
        let filled = filled
        let result = buffer.withUnsafeMutableBytes { bytes in
            numbers.withUnsafeMutableBufferPointer { numbers -> Result<(TransferResult, Int), SystemError> in
                do throws(SystemError) {
                    let window = UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<wanted])
                    let (transfer, count) = try descriptor.receive(into: window, descriptors: numbers)
                    return .success((transfer, count))
                } catch { return .failure(error) }
            }
        }
        let (transfer, count) = try result.get()
        descriptors = Array(numbers[..<count])
        return transfer
    }

    private func takeMessage() -> VhostUserMessage {
        defer {
            filled = 0
            passed = []
        }
        return VhostUserMessage(
            request: word(0), flags: word(4), payload: Array(buffer[VhostUserMessage.headerSize..<filled]),
            descriptors: PassedDescriptors(owning: passed))
    }

    /// Answers a request.
    func reply(to request: UInt32, _ payload: [UInt8]) throws(SystemError) {
        var bytes: [UInt8] = []
        for value in [request, VhostUserChannel.version | VhostUserChannel.replyFlag, UInt32(payload.count)] {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        bytes += payload
        // QEMU waits for it, so there is room.
        try descriptor.writeAll(bytes, deadline: .after(milliseconds: 5000))
    }

    func reply(to request: UInt32, number: UInt64) throws(SystemError) {
        try reply(to: request, withUnsafeBytes(of: number.littleEndian) { Array($0) })
    }
}
