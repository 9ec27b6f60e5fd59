import AgentProtocol
import Glibc
import LinuxSystem

/// Whole frames from a connection, waited for on this thread.
enum FrameInput {
    /// - Parameters:
    ///   - leadership: given up when somebody else wants in meanwhile. With it, what is there already is taken without a
    ///     wait: a host's hello and request mostly come with the connection.
    ///   - body: makes something of the frame, which is valid only during the call.
    /// - Returns: nil when the connection ended.
    /// - Throws: `malformed` for what is no frame or late.
    static func next<Value>(
        _ connection: borrowing FileDescriptor, _ frames: inout FrameBuffer, _ deadline: Deadline,
        _ leadership: Leadership? = nil, _ body: (Frame) throws(ProtocolError) -> Value
    ) throws(Refusal) -> Value? {
        while true {
            do throws(ProtocolError) {
                if let frame = try frames.next() { return try body(frame) }
            } catch {
                throw Refusal(.malformed, "The guest agent got \(error).")
            }
            do throws(SystemError) {
                if leadership == nil { try connection.waitUntilReady(POLLIN, deadline: deadline) }
                switch try connection.receive(into: frames.space(atLeast: 1024)) {
                case .moved(let count): frames.received(count)
                case .wouldBlock: try leadership?.wait(connection, POLLIN, deadline: deadline)
                case .endOfFile: return nil
                }
            } catch {
                if error.code == ETIMEDOUT { throw Refusal(.malformed, "The peer did not say in time what it wants.") }
                return nil
            }
        }
    }
}
