import AgentProtocol
import Glibc
import LinuxSystem

/// A command's stdin: what the host sent and the command has not read yet, within the window.
///
/// Nothing here waits, so a command that never reads its stdin holds up neither signals nor output.
struct InputStream: ~Copyable {
    enum Sink: ~Copyable {
        /// A pipe's writing end, non-blocking.
        case pipe(FileDescriptor)
        /// The terminal, whose descriptor belongs to the output side.
        case terminal(Int32)
        /// The command has closed its stdin or never had one: input is thrown away.
        case closed
    }

    private var sink: Sink
    private(set) var queue = InputQueue()
    /// Bytes that the host may still send.
    private var window = Int(Limits.stdinWindow)
    /// Bytes used up since the last grant.
    private var consumed = 0
    private var endRequested = false
    /// The host has sent more than a little, so larger reads pay.
    private(set) var isStreaming = false

    init(_ sink: consuming Sink) { self.sink = sink }

    /// To poll for POLLOUT, or -1 when nothing waits to be written.
    var pollDescriptor: Int32 {
        guard !queue.isEmpty else { return -1 }
        switch sink {
        case .pipe(let pipe): return pipe.rawValue
        case .terminal(let raw): return raw
        case .closed: return -1
        }
    }

    /// - Returns: false when the host sent more than it was granted.
    mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= window, !endRequested || bytes.isEmpty else { return false }
        window -= bytes.count
        if bytes.count >= 8192, !isStreaming {
            isStreaming = true
            raiseCapacity()
        }
        var rest = bytes
        if queue.isEmpty { rest = UnsafeRawBufferPointer(rebasing: bytes[write(bytes)...]) }
        queue.append(rest)
        return true
    }

    /// For a stream that flows: fewer, larger writes, and less that must be kept until there is room.
    private func raiseCapacity() {
        switch sink {
        case .pipe(let pipe): pipe.raisePipeCapacity(to: 1024 * 1024)
        default: break
        }
    }

    mutating func end() {
        endRequested = true
        finishIfDrained()
    }

    /// Writes what waits, as far as the command takes it.
    mutating func drain() {
        while !queue.isEmpty {
            let front = queue.front
            let written = write(front)
            queue.removeFirst(written)
            if written < front.count { break }
        }
        // Most commands' input fits in a small buffer; a large one is not kept for their lifetime.
        if queue.isEmpty, queue.capacity > 16 * 1024 { queue.clear() }
        finishIfDrained()
    }

    /// Throws away what waits and what comes, and lets the command see the end of its input.
    mutating func close() {
        sink = .closed
        consumed += queue.count
        queue.clear()
    }

    /// A grant to send to the host once half of the window is used up, else nil.
    mutating func takeGrant() -> UInt32? {
        guard consumed >= Int(Limits.stdinWindow) / 2, !endRequested else { return nil }
        defer { consumed = 0 }
        window += consumed
        return UInt32(consumed)
    }

    /// - Returns: bytes that need no keeping: written, or thrown away because nobody reads.
    private mutating func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        var written = 0
        defer { consumed += written }
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count: Int
            switch sink {
            case .pipe(let pipe): count = Glibc.write(pipe.rawValue, rest.baseAddress, rest.count)
            case .terminal(let raw): count = Glibc.write(raw, rest.baseAddress, rest.count)
            case .closed: count = rest.count
            }
            if count > 0 {
                written += count
            } else if count == 0 || errno == EAGAIN {
                break
            } else if errno != EINTR {
                // EPIPE: the command closed its stdin. It may run on, and the host may go on sending.
                sink = .closed
            }
        }
        return written
    }

    private mutating func finishIfDrained() {
        guard endRequested, queue.isEmpty else { return }
        switch sink {
        case .terminal(let raw):
            var byte = Terminal.endOfFileByte(raw)
            _ = Glibc.write(raw, &byte, 1)
        default: break
        }
        sink = .closed
    }
}
