import CLinux
import Glibc

/// How a process ended.
public enum ExitStatus: Equatable, Sendable {
    /// `exit(2)` with this code, 0…255.
    case exited(Int32)
    /// Killed by this signal.
    case signaled(Int32, coreDumped: Bool)

    /// As a shell tells it: the code, or 128 + the signal's number.
    public var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let number, _): 128 + number
        }
    }
}

/// What a process used, from `getrusage(2)`.
public struct ResourceUsage: Equatable, Sendable {
    public var userMicroseconds: UInt64
    public var systemMicroseconds: UInt64
    public var maximumResidentKibibytes: UInt64

    public init(userMicroseconds: UInt64, systemMicroseconds: UInt64, maximumResidentKibibytes: UInt64) {
        self.userMicroseconds = userMicroseconds
        self.systemMicroseconds = systemMicroseconds
        self.maximumResidentKibibytes = maximumResidentKibibytes
    }
}

/// A pidfd: names one process for ever, whatever becomes of its number (pidfd_open(2)).
public final class ProcessHandle: Sendable {
    public let processID: pid_t
    private let descriptor: FileDescriptor
    /// Readable once the process has ended.
    public var rawValue: Int32 { descriptor.rawValue }

    init(processID: pid_t, owning descriptor: consuming FileDescriptor) {
        self.processID = processID
        self.descriptor = descriptor
    }

    /// A handle to a process that is not necessarily our child.
    /// - Throws: `ESRCH` when there is none of that number.
    public init(opening processID: pid_t) throws(SystemError) {
        self.processID = processID
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("open process \(processID)") { ks_pidfd_open(processID) })
    }

    /// - Throws: `ESRCH` when it has been reaped.
    public func send(_ signal: Int32) throws(SystemError) {
        let raw = rawValue
        try retryingInterrupts("signal process \(processID)") { ks_pidfd_send_signal(raw, signal) }
    }

    public var hasEnded: Bool {
        var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// Waits for the end of any process, child or not. - Returns: false when the deadline passed first.
    public func waitForEnd(deadline: Deadline) -> Bool {
        var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&entry, 1, deadline.pollTimeout)
            if ready > 0 { return true }
            if ready == 0 || errno != EINTR { return false }
        }
    }

    /// Reaps a child of ours, waiting for its end.
    /// - Throws: `ECHILD` when it is not our child or has been reaped.
    public func reap() throws(SystemError) -> (status: ExitStatus, usage: ResourceUsage) {
        var status = ks_wait_status()
        let raw = rawValue
        try retryingInterrupts("wait for process \(processID)") { ks_waitid(Int32(KS_P_PIDFD), raw, WEXITED, &status) }
        return (ExitStatus(status), ResourceUsage(status))
    }

    /// Whether this process has a child, running or not yet reaped.
    public static var hasChildren: Bool {
        var status = ks_wait_status()
        return ks_waitid(Int32(KS_P_ALL), 0, WEXITED | WNOHANG | Int32(WNOWAIT), &status) == 0 || errno != ECHILD
    }

    /// Reaps any child that has ended (for PID 1 and subreapers). - Returns: nil when none has.
    public static func reapAny() -> (processID: pid_t, status: ExitStatus)? {
        var status = ks_wait_status()
        guard ks_waitid(Int32(KS_P_ALL), 0, WEXITED | WNOHANG, &status) == 0, status.pid > 0 else { return nil }
        return (status.pid, ExitStatus(status))
    }
}

extension ExitStatus {
    init(_ status: ks_wait_status) {
        switch Int(status.code) {
        case CLD_EXITED: self = .exited(status.status)
        case CLD_DUMPED: self = .signaled(status.status, coreDumped: true)
        default: self = .signaled(status.status, coreDumped: false)
        }
    }
}

extension ResourceUsage {
    init(_ status: ks_wait_status) {
        self.init(
            userMicroseconds: UInt64(clamping: status.user_microseconds),
            systemMicroseconds: UInt64(clamping: status.system_microseconds),
            maximumResidentKibibytes: UInt64(clamping: status.maximum_resident_kibibytes))
    }
}
