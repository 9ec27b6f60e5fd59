import FoundationEssentials

/// What a user sees when something fails: what, why, and what to do next.
public struct ControllerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A reason that a program or a person can act on.
    public enum Code: String, Codable, Sendable {
        case usage
        case noSuchSandbox, sandboxExists, alreadyRunning, notRunning
        case agentGone, agentRefused, monitorGone, deviceFailed, machineFailed
        /// The guest's kernel gave up.
        case guestPanicked
        /// The state folder was removed or replaced while the sandbox ran.
        case stateLost
        case noRepository, badPath
        case imageMissing, imageBroken, imageBuildFailed
        case configurationBroken, registryBroken
        case busy, permission, noSpace, noMemory, timeout
        case missingProgram, unsupported, cancelled
        case `internal`

        /// A code of a later version is `internal` here: the sentence beside it is what counts.
        public init(from decoder: any Decoder) throws {
            self = Code(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .internal
        }
    }

    public let code: Code
    /// One sentence: what failed and why.
    public let message: String
    /// One sentence: what to do next; nil when there is nothing useful to say.
    public let advice: String?

    public init(_ code: Code, _ message: String, advice: String? = nil) {
        self.code = code
        self.message = message
        self.advice = advice
    }

    public var description: String { advice.map { "\(message) \($0)" } ?? message }
}
