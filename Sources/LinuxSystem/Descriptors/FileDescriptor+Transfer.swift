import CLinux
import Glibc

/// What one attempt to move bytes came to.
public enum TransferResult: Equatable, Sendable {
    /// This many bytes moved, at least 1.
    case moved(Int)
    /// Nothing could move without waiting (`EAGAIN`).
    case wouldBlock
    /// Reading: the other side will send no more. Writing: never.
    case endOfFile
}

extension FileDescriptor {
    /// One `read(2)`, repeated only when interrupted. A terminal whose other side is gone (`EIO`) is at its end.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> TransferResult {
        while true {
            let count = Glibc.read(rawValue, buffer.baseAddress, buffer.count)
            if count > 0 { return .moved(count) }
            if count == 0 { return .endOfFile }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case EIO: return .endOfFile
            default: throw SystemError("read")
            }
        }
    }

    /// One `write(2)`, repeated only when interrupted; a short count is a success, not an error.
    /// The caller keeps SIGPIPE ignored or blocked (see `Signals`).
    public borrowing func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> TransferResult {
        while true {
            let count = Glibc.write(rawValue, buffer.baseAddress, buffer.count)
            if count >= 0 { return .moved(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: throw SystemError("write")
            }
        }
    }

    /// Writes everything, waiting for room until the deadline, on blocking and non-blocking descriptors alike.
    /// - Throws: `ETIMEDOUT` when the deadline passes first; some bytes may have been written.
    public borrowing func writeAll(_ bytes: UnsafeRawBufferPointer, deadline: Deadline = .never) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            switch try deadline == .never ? write(rest) : writeWithoutWaiting(rest) {
            case .moved(let count): rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            case .wouldBlock: try waitUntilReady(POLLOUT, deadline: deadline)
            case .endOfFile: throw SystemError("write", code: EPIPE)
            }
        }
    }

    /// One write that does not wait for room, whether or not the descriptor is non-blocking. A blocking `write(2)` would
    /// wait until *everything* has found room, however ready `poll(2)` said it was.
    private borrowing func writeWithoutWaiting(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> TransferResult {
        do throws(SystemError) {
            return try send(buffer)
        } catch  where error.code == ENOTSOCK {
            // A pipe that polls writable has room for PIPE_BUF bytes (pipe(7)); files and terminals take what they get.
            var entry = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 0) > 0 else { return .wouldBlock }
            return try write(UnsafeRawBufferPointer(rebasing: buffer[..<min(buffer.count, Int(PIPE_BUF))]))
        }
    }

    public borrowing func writeAll(_ bytes: [UInt8], deadline: Deadline = .never) throws(SystemError) {
        // A typed error cannot pass through withUnsafeBytes' closure without a Result.
        let result = bytes.withUnsafeBytes { buffer -> SystemError? in
            do throws(SystemError) { try writeAll(buffer, deadline: deadline) } catch { return error }
            return nil
        }
        if let result { throw result }
    }

    /// Everything up to end of file, as long as it is at most `limit` bytes.
    /// - Throws: `EFBIG` when there is more, `ETIMEDOUT` when the deadline passes first.
    public borrowing func readAll(limit: Int, deadline: Deadline = .never) throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(65536, limit + 1))
        while true {
            if deadline != .never { try waitUntilReady(POLLIN, deadline: deadline) }
            let outcome = chunk.withUnsafeMutableBytes { buffer -> Result<TransferResult, SystemError> in
                do throws(SystemError) { return .success(try read(into: buffer)) } catch { return .failure(error) }
            }
            switch try outcome.get() {
            case .moved(let count):
                if all.count + count > limit { throw SystemError("read", code: EFBIG) }
                all.append(contentsOf: chunk[..<count])
            case .endOfFile: return all
            case .wouldBlock: try waitUntilReady(POLLIN, deadline: deadline)
            }
        }
    }

    /// Waits for `events` (POLLIN, POLLOUT) or for an error or hang-up, which the next call will report.
    /// - Throws: `ETIMEDOUT` when the deadline passes first.
    public borrowing func waitUntilReady(_ events: Int32, deadline: Deadline) throws(SystemError) {
        var entry = pollfd(fd: rawValue, events: Int16(events), revents: 0)
        while true {
            let ready = poll(&entry, 1, deadline.pollTimeout)
            if ready > 0 { return }
            if ready == 0 { throw SystemError("wait", code: ETIMEDOUT) }
            if errno != EINTR { throw SystemError("poll") }
        }
    }
}
