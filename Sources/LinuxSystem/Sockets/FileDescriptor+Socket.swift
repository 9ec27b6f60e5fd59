import CLinux
import Glibc

extension FileDescriptor {
    /// One `recv(2)` that never waits, whatever the socket's mode.
    /// - Parameters:
    ///   - peek: leave the bytes in the socket.
    ///   - resetIsEnd: a reset by the peer is the end of the stream; where not, it is thrown as `ECONNRESET`.
    public borrowing func receive(
        into buffer: UnsafeMutableRawBufferPointer, peek: Bool = false, resetIsEnd: Bool = true
    ) throws(SystemError) -> TransferResult {
        let flags = Int32(MSG_DONTWAIT) | (peek ? Int32(MSG_PEEK) : 0)
        while true {
            let count = recv(rawValue, buffer.baseAddress, buffer.count, flags)
            if count > 0 { return .moved(count) }
            if count == 0 { return .endOfFile }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case ECONNRESET where !resetIsEnd: throw SystemError("receive")
            case ECONNRESET, ENOTCONN: return .endOfFile
            default: throw SystemError("receive")
            }
        }
    }

    /// One `send(2)` that never waits and never raises SIGPIPE, whatever the socket's mode.
    /// - Returns: `.endOfFile` when the peer is gone.
    public borrowing func send(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> TransferResult {
        while true {
            let count = Glibc.send(
                rawValue, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            if count >= 0 { return .moved(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case EPIPE, ECONNRESET, ENOTCONN: return .endOfFile
            default: throw SystemError("send")
            }
        }
    }

    /// What went wrong with the socket since this was last asked (`SO_ERROR`): an `errno` value, or 0.
    public borrowing func pendingError() throws(SystemError) -> Int32 {
        let raw = rawValue
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try retryingInterrupts("read a socket's error") { getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length) }
        return code
    }

    /// Sends everything, waiting for room until the deadline; never raises SIGPIPE.
    /// - Throws: `EPIPE` when the peer is gone, `ETIMEDOUT` when the deadline passes first.
    public borrowing func sendAll(_ bytes: [UInt8], deadline: Deadline) throws(SystemError) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes { buffer -> Result<TransferResult, SystemError> in
                do throws(SystemError) {
                    return .success(try send(UnsafeRawBufferPointer(rebasing: buffer[sent...])))
                } catch { return .failure(error) }
            }
            switch try result.get() {
            case .moved(let count): sent += count
            case .wouldBlock: try waitUntilReady(POLLOUT, deadline: deadline)
            case .endOfFile: throw SystemError("send", code: EPIPE)
            }
        }
    }
}
