import Glibc
import LinuxSystem
import SandboxController

/// Ctrl-C (and SIGTERM, SIGHUP) as a descriptor that becomes readable, so that long work ends in order. A second one
/// ends this process at once, unless it comes too soon to be a person's: timeout(1) signals its child and then its group.
///
/// Concurrency: made on the main thread before any other starts, so that every thread has the signals blocked; one thread
/// of its own waits for them until `end`, which the main thread calls once.
final class Interruption: Sendable {
    private let wish: EventDescriptor
    private let over: EventDescriptor

    /// Readable, and readable for good, once the user wants the work to end.
    var rawValue: Int32 { wish.rawValue }

    /// - Parameter notice: called on another thread at the first signal.
    init(_ notice: @escaping @Sendable () -> Void) throws(ControllerError) {
        do throws(SystemError) {
            wish = try EventDescriptor()
            over = try EventDescriptor()
            let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
            let (wish, over) = (wish, over)
            try Thread.start(name: "interruption", stackKibibytes: 128) {
                guard Interruption.waitForSignal(signals, over) else { return }
                notice()
                wish.signal()
                let isAnother = Deadline.after(milliseconds: 100)
                while Interruption.waitForSignal(signals, over) {
                    if isAnother.hasPassed { _exit(ExitCode.cancelled.rawValue) }
                }
            }
        } catch {
            throw ControllerError(.internal, "Ctrl-C can't be watched for: \(error).")
        }
    }

    /// The signals have their usual effect again, for what runs in the foreground next.
    func end() {
        over.signal()
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
    }

    /// - Returns: false when it is over.
    private static func waitForSignal(_ signals: SignalDescriptor, _ over: EventDescriptor) -> Bool {
        var entries = [
            pollfd(fd: over.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            guard poll(&entries, 2, -1) > 0 else { continue }
            if entries[0].revents != 0 { return false }
            if signals.next() != nil { return true }
        }
    }
}
