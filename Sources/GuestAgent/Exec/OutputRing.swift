import AgentProtocol
import Synchronization

/// The last mebibyte of each of a detached session's outputs.
///
/// Concurrency: the session's thread appends, any thread reads.
final class OutputRing: Sendable {
    /// Bytes kept for each of stdout and stderr.
    static let capacity = 1024 * 1024

    private struct Ring {
        var bytes: [UInt8] = []
        /// Where the next byte goes once the ring is full; the oldest byte is there.
        var next = 0
        /// Bytes that were ever appended.
        var total: UInt64 = 0

        mutating func append(_ new: UnsafeRawBufferPointer) {
            total += UInt64(new.count)
            var rest = UnsafeRawBufferPointer(rebasing: new[max(0, new.count - OutputRing.capacity)...])
            let fitting = min(rest.count, OutputRing.capacity - bytes.count)
            bytes.append(contentsOf: rest[..<fitting])
            rest = UnsafeRawBufferPointer(rebasing: rest[fitting...])
            while !rest.isEmpty {
                let count = min(rest.count, OutputRing.capacity - next)
                bytes.replaceSubrange(next..<(next + count), with: rest[..<count])
                next = (next + count) % OutputRing.capacity
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    private let rings = Mutex<(output: Ring, errors: Ring)>((Ring(), Ring()))

    func append(_ kind: FrameKind, _ bytes: UnsafeRawBufferPointer) {
        rings.withLock { rings in
            if kind == .standardError { rings.errors.append(bytes) } else { rings.output.append(bytes) }
        }
    }

    /// What is kept, oldest byte first, and how many bytes there were in all.
    func contents(_ kind: FrameKind) -> (bytes: [UInt8], total: UInt64) {
        rings.withLock { rings in
            let ring = kind == .standardError ? rings.errors : rings.output
            return (Array(ring.bytes[ring.next...] + ring.bytes[..<ring.next]), ring.total)
        }
    }
}
