import AgentProtocol
import Glibc
import LinuxSystem

/// Whole frames from a descriptor. One thread uses it.
final class FrameReader: @unchecked Sendable {
    enum Failure: Error {
        case ended
        case system(SystemError)
        case malformed(ProtocolError)
    }

    /// Waits until a descriptor is readable and may do something else meanwhile.
    /// - Throws: `ETIMEDOUT` at the deadline.
    typealias Wait = (Int32, Deadline) throws(SystemError) -> Void

    private var buffer = FrameBuffer(capacity: 64 * 1024)

    /// Gives away what came and was not taken; from then on somebody else reads.
    func takeBuffer() -> FrameBuffer {
        var taken = FrameBuffer(capacity: FrameHeader.size)
        swap(&taken, &buffer)
        return taken
    }

    /// The next frame, valid until the next call.
    /// - Parameter waiting: done before each read.
    func next(
        from descriptor: borrowing FileDescriptor, deadline: Deadline, waiting: Wait? = nil
    ) throws(Failure) -> Frame {
        while true {
            do throws(ProtocolError) {
                if let frame = try buffer.next() { return frame }
            } catch {
                throw .malformed(error)
            }
            do throws(SystemError) {
                try waiting?(descriptor.rawValue, deadline)
                if deadline != .never { try descriptor.waitUntilReady(Int32(POLLIN), deadline: deadline) }
                switch try descriptor.read(into: buffer.space(atLeast: 16 * 1024)) {
                case .moved(let count): buffer.received(count)
                case .wouldBlock: try descriptor.waitUntilReady(Int32(POLLIN), deadline: deadline)
                case .endOfFile: throw SystemError("read", code: EPIPE)
                }
            } catch {
                if error.code == EPIPE || error.code == ECONNRESET { throw .ended }
                throw .system(error)
            }
        }
    }
}
