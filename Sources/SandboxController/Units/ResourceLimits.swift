/// What a sandbox's processes on the host may take together, whatever its guest is told it has.
public struct ResourceLimits: Codable, Equatable, Sendable {
    /// MiB; more is an out-of-memory kill of the machine.
    public var memoryMebibytes: Int?
    /// Hundredths of one processor: 150 is one and a half.
    public var processorPercent: Int?

    public init(memoryMebibytes: Int? = nil, processorPercent: Int? = nil) {
        self.memoryMebibytes = memoryMebibytes
        self.processorPercent = processorPercent
    }

    public var isEmpty: Bool { memoryMebibytes == nil && processorPercent == nil }
}
