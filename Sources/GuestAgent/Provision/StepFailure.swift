import LinuxSystem

/// Why a step could not do its work.
struct StepFailure: Error, Equatable {
    /// A clause for people, without a full stop.
    let reason: String

    init(_ reason: String) { self.reason = reason }
    init(_ error: SystemError) { reason = error.description }

    /// Runs what makes system calls.
    static func wrapping<Value: ~Copyable>(_ body: () throws(SystemError) -> Value) throws(StepFailure) -> Value {
        do throws(SystemError) { return try body() } catch { throw StepFailure(error) }
    }
}
