import CLinux
import Glibc

/// `epoll(7)`, level-triggered unless asked otherwise, for the loops that serve many descriptors.
///
/// Concurrency: one thread waits; any thread may add, modify or remove.
public final class Poller: Sendable {
    public struct Events: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let readable = Events(rawValue: EPOLLIN.rawValue)
        public static let writable = Events(rawValue: EPOLLOUT.rawValue)
        public static let hangUp = Events(rawValue: EPOLLHUP.rawValue)
        public static let error = Events(rawValue: EPOLLERR.rawValue)
        public static let peerClosedWriting = Events(rawValue: EPOLLRDHUP.rawValue)
        public static let edgeTriggered = Events(rawValue: EPOLLET.rawValue)
        public static let oneShot = Events(rawValue: EPOLLONESHOT.rawValue)
    }

    private let descriptor: FileDescriptor

    public init() throws(SystemError) {
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("create a poller") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    /// Watches `descriptor`; `token` comes back with its events. The descriptor stays the caller's.
    public func add(_ descriptor: Int32, token: UInt64, events: Events) throws(SystemError) {
        try control(EPOLL_CTL_ADD, descriptor, token, events)
    }

    public func modify(_ descriptor: Int32, token: UInt64, events: Events) throws(SystemError) {
        try control(EPOLL_CTL_MOD, descriptor, token, events)
    }

    public func remove(_ descriptor: Int32) throws(SystemError) {
        try control(EPOLL_CTL_DEL, descriptor, 0, [])
    }

    private func control(_ operation: Int32, _ target: Int32, _ token: UInt64, _ events: Events) throws(SystemError) {
        var event = epoll_event()
        event.events = events.rawValue
        event.data.u64 = token
        let poller = descriptor.rawValue
        try retryingInterrupts("watch descriptor") { epoll_ctl(poller, operation, target, &event) }
    }

    /// Waits for events, at most `events.count` at a time.
    /// - Returns: how many entries of `events` were filled; 0 when the deadline passed.
    public func wait(_ events: UnsafeMutableBufferPointer<epoll_event>, deadline: Deadline = .never) throws(SystemError)
        -> Int
    {
        while true {
            let count = epoll_wait(descriptor.rawValue, events.baseAddress, Int32(events.count), deadline.pollTimeout)
            if count >= 0 { return Int(count) }
            if errno != EINTR { throw SystemError("wait for events") }
        }
    }
}
