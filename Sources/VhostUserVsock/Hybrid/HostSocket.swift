import Glibc
import LinuxSystem

/// One end of a host program's UNIX connection. Never waits, never raises SIGPIPE.
struct HostSocket: ~Copyable {
    enum Outcome: Equatable {
        case moved(Int)
        case wouldBlock
        /// Reading: the host program sends no more. Writing: it takes no more.
        case ended
    }

    private let descriptor: FileDescriptor
    var rawValue: Int32 { descriptor.rawValue }

    init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Reads straight into `vectors`, which are not empty.
    func receive(into vectors: VectorList) -> Outcome { receive(vectors.start, vectors.count, peek: false) }

    func receive(into buffer: UnsafeMutableRawBufferPointer, peek: Bool) -> Outcome {
        var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
        return receive(&part, 1, peek: peek)
    }

    private func receive(_ vectors: UnsafeMutablePointer<iovec>, _ count: Int, peek: Bool) -> Outcome {
        var message = msghdr()
        message.msg_iov = vectors
        message.msg_iovlen = count
        let flags = Int32(MSG_DONTWAIT) | (peek ? Int32(MSG_PEEK) : 0)
        while true {
            let moved = recvmsg(rawValue, &message, flags)
            if moved > 0 { return .moved(moved) }
            if moved == 0 { return .ended }
            if errno == EAGAIN { return .wouldBlock }
            if errno != EINTR { return .ended }
        }
    }

    /// Writes straight from `vectors`.
    func send(_ vectors: VectorList) -> Outcome { send(vectors.start, vectors.count) }

    func send(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        var part = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        return send(&part, 1)
    }

    private func send(_ vectors: UnsafeMutablePointer<iovec>, _ count: Int) -> Outcome {
        var message = msghdr()
        message.msg_iov = vectors
        message.msg_iovlen = count
        while true {
            let moved = sendmsg(rawValue, &message, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            if moved >= 0 { return .moved(moved) }
            if errno == EAGAIN { return .wouldBlock }
            if errno != EINTR { return .ended }
        }
    }

    /// Tells the host program that no more will be read, written or either.
    func end(_ directions: VsockShutdown) {
        // From the guest's flags: what the guest will not send, the host program can't read.
        if directions.contains(.send) { shutdown(rawValue, Int32(SHUT_WR)) }
        if directions.contains(.receive) { shutdown(rawValue, Int32(SHUT_RD)) }
    }

    /// Whether the host program closed the connection rather than one direction of it: POLLHUP tells
    /// (`unix_poll` raises it when both directions are shut).
    var isHungUp: Bool {
        var entry = pollfd(fd: rawValue, events: 0, revents: 0)
        return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLHUP) != 0
    }
}
