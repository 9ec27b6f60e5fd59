import CLinux
import Glibc

/// A system call that failed: what was tried and the `errno(3)` it left.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was tried, in a few words that read well before a colon ("open /dev/kvm").
    public let operation: String
    /// The `errno` value, never 0.
    public let code: Int32

    public init(_ operation: String, code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }

    /// The C library's sentence for `code`, such as "No such file or directory".
    public var reason: String { SystemError.message(for: code) }
    public var description: String { "\(operation): \(reason)" }

    /// `strerror_r(3)`: `strerror` itself is not safe on many threads.
    public static func message(for code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else {
                return "error \(code)"
            }
            return String(cString: base)
        }
    }
}

/// Runs a call that answers -1 on failure again for as long as a signal interrupts it.
/// - Throws: `SystemError` with the call's `errno`.
@discardableResult
@inlinable
public func retryingInterrupts<Value: FixedWidthInteger & SignedInteger>(
    _ operation: @autoclosure () -> String, _ call: () -> Value
) throws(SystemError) -> Value {
    while true {
        let result = call()
        if result != -1 { return result }
        if errno != EINTR { throw SystemError(operation()) }
    }
}
