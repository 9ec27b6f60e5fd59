/// Where a figure becomes news, the same for the agent, which reports at once when one is passed, and for the host, which
/// calls the guest degraded.
public struct HealthMarks: OptionSet, Equatable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let memory = HealthMarks(rawValue: 1)
    public static let memoryPressure = HealthMarks(rawValue: 2)
    public static let storagePressure = HealthMarks(rawValue: 4)

    /// Below this part of the whole, in percent, memory or a file system is nearly full.
    public static let scarcePercent: UInt64 = 10
    /// All tasks waited for memory in so many percent of the last 10 seconds.
    public static let memoryFullPercent: UInt64 = 10
    /// All tasks waited for storage in so many percent of the last 10 seconds.
    public static let storageFullPercent: UInt64 = 60

    /// The marks that these figures are past.
    public init(_ figures: HealthFigures) {
        self = []
        if HealthMarks.isScarce(figures.memoryAvailable, of: figures.memoryTotal) { insert(.memory) }
        guard let pressure = figures.pressure else { return }
        if pressure.memoryFull >= HealthMarks.memoryFullPercent * 100 { insert(.memoryPressure) }
        if pressure.storageFull >= HealthMarks.storageFullPercent * 100 { insert(.storagePressure) }
    }

    /// Whether too little is left; never where there is no whole to compare with.
    public static func isScarce(_ left: UInt64, of whole: UInt64) -> Bool {
        left < mark(of: whole)
    }

    /// How much must be used up or freed until `isScarce` may change.
    public static func distance(_ left: UInt64, of whole: UInt64) -> UInt64 {
        if whole == 0 { return .max }
        let mark = mark(of: whole)
        return left < mark ? mark - left : left - mark
    }

    private static func mark(of whole: UInt64) -> UInt64 {
        whole / 100 * scarcePercent + whole % 100 * scarcePercent / 100
    }
}

extension HealthMount {
    /// The file system is nearly full. One that can't be written to is as full as it was made.
    public var isNearlyFull: Bool { !isReadOnly && HealthMarks.isScarce(available, of: total) }
    public var isShortOfEntries: Bool { !isReadOnly && HealthMarks.isScarce(entriesFree, of: entries) }

    public func isPastOtherMarks(than other: HealthMount) -> Bool {
        isNearlyFull != other.isNearlyFull || isShortOfEntries != other.isShortOfEntries
    }
}
