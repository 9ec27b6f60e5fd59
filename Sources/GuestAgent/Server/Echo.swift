import AgentProtocol
import Glibc
import LinuxSystem

/// Sends back what comes, to measure a connection.
enum Echo {
    /// - Parameters:
    ///   - outbox: the welcome and the reply to the first echo.
    static func serve(
        _ connection: borrowing FileDescriptor, frames: inout FrameBuffer, outbox: inout Outbox
    ) throws(Refusal) {
        while true {
            while outbox.flush(to: connection) == .blocked {
                do throws(SystemError) { try connection.waitUntilReady(POLLOUT, deadline: .never) } catch { return }
            }
            let more: Void? = try FrameInput.next(connection, &frames, .never) { frame throws(ProtocolError) in
                guard frame.kind == .echo else {
                    throw .malformed("frame of kind \(frame.kind.rawValue) during an echo")
                }
                reply(to: frame, &outbox)
            }
            if more == nil { return }
        }
    }

    static func reply(to frame: Frame, _ outbox: inout Outbox) {
        var header: (UInt64) = 0
        withUnsafeMutableBytes(of: &header) {
            FrameHeader(kind: .echoReply, length: frame.payload.count).encode(into: $0)
        }
        withUnsafeBytes(of: &header) { outbox.append($0) }
        outbox.append(frame.payload)
    }
}
