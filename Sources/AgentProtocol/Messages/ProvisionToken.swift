extension ProvisionRequest {
    /// A token for the sandbox user: a file of this name in the guest's memory, and a variable where it can be one.
    public struct Token: Equatable, Sendable {
        /// Bytes of a name, at most.
        public static let nameLimit = 128

        public let name: String
        public let value: TokenValue

        /// - Returns: nil unless `isName(name)`.
        public init?(name: String, value: TokenValue) {
            guard Token.isName(name) else { return nil }
            self.name = name
            self.value = value
        }

        /// What a shell takes for a variable: letters, digits and `_`, no digit first. It is a file's name too.
        public static func isName(_ name: String) -> Bool {
            guard (1...nameLimit).contains(name.utf8.count), let first = name.utf8.first else { return false }
            func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
            return !isDigit(first)
                && name.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || isDigit(byte)
                        || byte == UInt8(ascii: "_")
                }
        }

        /// Why the value can't be in an environment, as a clause for people; nil when it can. Entries end with a NUL, and
        /// one may have `Limits.argumentBytes` with it (MAX_ARG_STRLEN).
        public var hindrance: String? {
            if value.withBytes({ $0.contains(0) }) { return "it has a NUL byte" }
            return name.utf8.count + 1 + value.count + 1 > Limits.argumentBytes ? "it is too long" : nil
        }

        /// `NAME=value`, or nil where that can't be.
        public var entry: [UInt8]? {
            hindrance == nil ? Array(name.utf8) + [UInt8(ascii: "=")] + value.reveal() : nil
        }
    }

    /// Tokens of one sandbox.
    public static let tokenLimit = 64
    /// Bytes of all values. A request carries them beside everything else, and a command's environment (execve(2): 2 MiB
    /// with its arguments) has room for more than them.
    public static let tokenBytes = 512 * 1024
    /// Entries and bytes of `projectEnvironment`.
    public static let projectEnvironmentLimit = 4096
    public static let projectEnvironmentBytes = 256 * 1024
}
