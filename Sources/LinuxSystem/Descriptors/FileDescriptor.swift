import CLinux
import Glibc

/// An open file with exactly one owner, closed once: when its owner goes.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number the kernel knows it by; valid for as long as this value lives.
    public let rawValue: Int32

    /// Takes over a descriptor that nobody else will close.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { if rawValue >= 0 { Glibc.close(rawValue) } }

    /// Gives the descriptor away: the caller closes it.
    public consuming func release() -> Int32 {
        let value = rawValue
        discard self
        return value
    }

    /// A second descriptor for the same open file, close-on-exec.
    public borrowing func duplicate() throws(SystemError) -> FileDescriptor {
        let value = rawValue
        return FileDescriptor(
            owning: try retryingInterrupts("duplicate descriptor") { fcntl(value, F_DUPFD_CLOEXEC, 0) })
    }

    /// `open(2)` with `O_CLOEXEC` added.
    public static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemError) -> FileDescriptor
    {
        FileDescriptor(owning: try retryingInterrupts("open \(path)") { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// `openat(2)` with `O_CLOEXEC` added.
    public borrowing func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemError)
        -> FileDescriptor
    {
        let directory = rawValue
        return FileDescriptor(
            owning: try retryingInterrupts("open \(path)") { openat(directory, path, flags | O_CLOEXEC, mode) })
    }

    /// A pipe, both ends close-on-exec: `first` reads, `second` writes.
    public static func pipe(flags: Int32 = 0) throws(SystemError) -> DescriptorPair {
        try DescriptorPair("create a pipe") { ks_pipe($0, flags) }
    }

    /// Makes a pipe hold more (F_SETPIPE_SZ). Failing, for want of privilege or memory, leaves it as it was.
    public borrowing func raisePipeCapacity(to bytes: Int) {
        let setCapacity: Int32 = 1031  // F_SETPIPE_SZ
        _ = fcntl(rawValue, setCapacity, Int32(clamping: bytes))
    }

    /// For a new pipe's end, whose flags are known: one call instead of two.
    public borrowing func setPipeEndNonBlocking() throws(SystemError) {
        let value = rawValue
        try retryingInterrupts("set descriptor flags") { fcntl(value, F_SETFL, O_NONBLOCK) }
    }

    public borrowing func setNonBlocking(_ enabled: Bool) throws(SystemError) {
        let value = rawValue
        let flags = try retryingInterrupts("read descriptor flags") { fcntl(value, F_GETFL, 0) }
        let wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        if wanted != flags { try retryingInterrupts("set descriptor flags") { fcntl(value, F_SETFL, wanted) } }
    }
}

/// Two descriptors made by one call. Take them apart with `let first = pair.first` and so on, once each.
@frozen
public struct DescriptorPair: ~Copyable, Sendable {
    public var first: FileDescriptor
    public var second: FileDescriptor

    init(_ operation: String, _ call: (UnsafeMutablePointer<Int32>) -> Int32) throws(SystemError) {
        var ends: (Int32, Int32) = (-1, -1)
        try retryingInterrupts(operation) {
            withUnsafeMutablePointer(to: &ends) { $0.withMemoryRebound(to: Int32.self, capacity: 2) { call($0) } }
        }
        first = FileDescriptor(owning: ends.0)
        second = FileDescriptor(owning: ends.1)
    }
}
