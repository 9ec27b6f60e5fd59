import CLinux
import Glibc

/// `signalfd(2)`: signals as readable events. The signals must be blocked in every thread (`Signals.block`
/// before any thread starts).
public final class SignalDescriptor: Sendable {
    private let descriptor: FileDescriptor
    public var rawValue: Int32 { descriptor.rawValue }

    public init(_ signals: [Int32]) throws(SystemError) {
        Signals.block(signals)
        var set = Signals.set(of: signals)
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("create a signalfd") {
                signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
            })
    }

    /// The next signal's number, or nil when none is waiting.
    public func next() -> Int32? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        return Glibc.read(descriptor.rawValue, &info, size) == size ? Int32(info.ssi_signo) : nil
    }
}

/// Signal masks. Children started by `ChildProcess` begin with an empty mask and default handlers.
public enum Signals {
    /// Blocks signals in this thread and in all it starts later.
    public static func block(_ signals: [Int32]) {
        var set = set(of: signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Writing to a socket or pipe whose reader is gone gives EPIPE instead of ending the process.
    public static func ignoreBrokenPipe() { signal(SIGPIPE, SIG_IGN) }

    static func set(of signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in signals { sigaddset(&set, number) }
        return set
    }
}
