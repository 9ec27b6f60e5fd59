/// The versions of the conversation that follows `hello`. The form of frames, of fields, of `hello`, `welcome` and
/// `failure` never changes, so any two versions can at least say why they can't talk.
public struct VersionRange: Equatable, Sendable {
    public var lowest: UInt16
    public var highest: UInt16

    public init(lowest: UInt16, highest: UInt16) {
        self.lowest = lowest
        self.highest = highest
    }

    /// What this build speaks.
    public static let current = VersionRange(lowest: 1, highest: 1)

    /// The highest version both speak, or nil.
    public func common(with other: VersionRange) -> UInt16? {
        let version = min(highest, other.highest)
        return version >= max(lowest, other.lowest) ? version : nil
    }
}

/// Abilities a peer may have beyond the version's common ground; a set bit is an offer, both must offer it.
public struct Features: OptionSet, Equatable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// Each session has its own cgroup: `oom` in `exit` is known, and ending a session ends all it started.
    public static let cgroups = Features(rawValue: 1 << 0)
    /// The agent's init powers the machine off on request.
    public static let power = Features(rawValue: 1 << 1)
    /// The agent takes a `ProvisionRequest`.
    public static let provisioning = Features(rawValue: 1 << 2)
    /// The agent takes an `OwnershipRequest`.
    public static let ownership = Features(rawValue: 1 << 3)
    /// The agent pushes a `HealthReport` when something changes and steadily; the host keeps them.
    public static let health = Features(rawValue: 1 << 4)
    /// The agent takes a `ForwardRequest`.
    public static let forwarding = Features(rawValue: 1 << 5)
}
