import AgentProtocol
import LinuxSystem

/// Frames on their way to the host, in one buffer: a header and its payload leave in one `send(2)`, and so do frames that
/// became ready together.
///
/// The buffer starts small, because most sessions say little and there may be thousands; it grows when a command streams.
struct Outbox: ~Copyable {
    enum FlushResult { case done, blocked, peerGone }

    private static let smallCapacity = 16 * 1024
    /// One frame with its header, so that a whole one is a round number of pages on the wire.
    private static let largeCapacity = 128 * 1024

    private var storage: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var isStreaming = false

    init() { storage = .allocate(byteCount: 512, alignment: 16) }

    deinit { storage.deallocate() }

    var isEmpty: Bool { start == end }

    mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        rewind()
        if storage.count - end < bytes.count { resize(to: end + bytes.count + 512) }
        UnsafeMutableRawBufferPointer(rebasing: storage[end...]).copyMemory(from: bytes)
        end += bytes.count
    }

    /// Room for the payload of a data frame, or nil when too much is waiting already.
    mutating func payloadSpace() -> UnsafeMutableRawBufferPointer? {
        rewind()
        let wanted = isStreaming ? Outbox.largeCapacity : Outbox.smallCapacity
        if storage.count < wanted { resize(to: wanted) }
        let from = end + FrameHeader.size
        guard storage.count - from >= 1024 else { return nil }
        return UnsafeMutableRawBufferPointer(rebasing: storage[from..<min(storage.count, from + Limits.dataPayload)])
    }

    /// Makes a frame of the first `count` bytes of `payloadSpace()`.
    mutating func commit(_ kind: FrameKind, count: Int) {
        FrameHeader(kind: kind, length: count).encode(into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]))
        end += FrameHeader.size + count
    }

    /// Says that output filled the space. - Returns: true the first time.
    mutating func noteStreaming() -> Bool {
        defer { isStreaming = true }
        return !isStreaming
    }

    mutating func flush(to connection: borrowing FileDescriptor) -> FlushResult {
        while start < end {
            do throws(SystemError) {
                switch try connection.send(UnsafeRawBufferPointer(rebasing: storage[start..<end])) {
                case .moved(let count): start += count
                case .wouldBlock: return .blocked
                case .endOfFile: return .peerGone
                }
            } catch {
                return .peerGone
            }
        }
        return .done
    }

    private mutating func rewind() {
        if start == end {
            start = 0
            end = 0
        }
    }

    private mutating func resize(to capacity: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
        storage.deallocate()
        storage = larger
        end -= start
        start = 0
    }
}
