import LinuxSystem

/// Why a connection could not be made or taken.
public struct TransportError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: Equatable, Sendable {
        /// What carries the connection is gone: no device, no socket file, nobody behind it.
        case deviceGone
        /// The carrier works and says that nobody listens on the port.
        case nobodyListens
        case timedOut
        /// The carrier answered something that is no answer.
        case malformedAnswer
        /// Somebody else listens there already.
        case addressInUse
        /// The system refused; `systemCode` says why.
        case system
    }

    public let code: Code
    /// One sentence in the user's words.
    public let message: String
    /// The `errno(3)` behind it, 0 for none.
    public let systemCode: Int32

    public init(_ code: Code, _ message: String, systemCode: Int32 = 0) {
        self.code = code
        self.message = message
        self.systemCode = systemCode
    }

    init(_ code: Code, _ what: String, _ error: SystemError) {
        self.init(code, "\(what) (\(error.reason)).", systemCode: error.code)
    }

    public var description: String { message }
}
