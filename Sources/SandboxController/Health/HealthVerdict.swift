import AgentProtocol
import LinuxSystem

/// How a running sandbox is, in one word with its reasons.
public enum HealthVerdict: Equatable, Sendable {
    case healthy
    /// It works, and something is not as it should be.
    case degraded([HealthReason])
    /// It can't be used. Since when: nanoseconds on `CLOCK_MONOTONIC`.
    case unresponsive(since: UInt64, HealthReason)

    /// Reports that may be missing before the agent counts as silent.
    private static let missedReports: UInt64 = 3
    /// A kill for want of memory is a reason for so long, in milliseconds.
    private static let killMemory: UInt64 = 600_000
    /// A clock that differs by more breaks builds and certificates, in milliseconds.
    private static let skewLimit: Int64 = 2_000

    /// One word: `healthy`, `degraded`, `unresponsive`.
    public var word: String {
        switch self {
        case .healthy: "healthy"
        case .degraded: "degraded"
        case .unresponsive: "unresponsive"
        }
    }

    public var reasons: [HealthReason] {
        switch self {
        case .healthy: []
        case .degraded(let reasons): reasons
        case .unresponsive(_, let reason): [reason]
        }
    }

    /// When an agent that reports, and says nothing more, will count as silent; nil for one that is away or doesn't report.
    private static func silentAt(_ record: HealthRecord) -> UInt64? {
        guard record.reports, record.lostAt == nil, record.helloAt > 0 else { return nil }
        let last = max(record.reportedAt, record.helloAt)
        return last + missedReports * UInt64(HealthReport.interval) * 1_000_000
    }

    /// When this verdict on a record becomes another by itself, through an agent's silence.
    func expiry(_ record: HealthRecord) -> Deadline {
        // An agent that can't run commands may fall silent, too.
        if case .unresponsive(_, let reason) = self, reason.code != .sessions { return .never }
        return HealthVerdict.silentAt(record).map(Deadline.init(nanoseconds:)) ?? .never
    }

    /// - Parameter now: nanoseconds on `CLOCK_MONOTONIC`.
    public init(_ record: HealthRecord, now: UInt64 = Deadline.now()) {
        if let lost = record.lostAt {
            self = .unresponsive(since: lost, HealthReason(.agentGone, "the guest agent's connection is lost"))
        } else if let silent = HealthVerdict.silentAt(record), now >= silent {
            let last = max(record.reportedAt, record.helloAt)
            self = .unresponsive(since: last, HealthReason(.agentSilent, "the guest agent has stopped reporting"))
        } else if let probe = record.probe, let failure = probe.failure {
            self = .unresponsive(
                since: probe.failingSince ?? probe.at,
                HealthReason(.sessions, "no command can be run: \(failure)"))
        } else {
            let reasons = HealthVerdict.reasons(record, now)
            self = reasons.isEmpty ? .healthy : .degraded(reasons)
        }
    }

    private static func reasons(_ record: HealthRecord, _ now: UInt64) -> [HealthReason] {
        var reasons = record.lostMounts.map { HealthReason(.mountLost, "\($0) is not mounted any more") }
        reasons += record.readOnlyMounts.map { HealthReason(.mountReadOnly, "\($0) can't be written to any more") }
        if abs(record.skewMilliseconds) > skewLimit {
            let (seconds, word) = (
                abs(record.skewMilliseconds) / 1000, record.skewMilliseconds < 0 ? "behind" : "ahead"
            )
            reasons.append(HealthReason(.clock, "the guest's clock is \(seconds) s \(word)"))
        }
        guard let report = record.report else { return reasons }
        for unit in report.services?.failed ?? [] { reasons.append(HealthReason(.unitFailed, "\(unit) failed")) }
        for mount in report.mounts ?? [] {
            if mount.isNearlyFull {
                let text = "\(mount.path) is nearly full: \(percent(mount.available, mount.total)) % free"
                reasons.append(HealthReason(.diskFull, text))
            }
            if mount.isShortOfEntries {
                let text =
                    "\(mount.path) has room for few more files: \(percent(mount.entriesFree, mount.entries)) % free"
                reasons.append(HealthReason(.diskFull, text))
            }
        }
        return reasons + memoryReasons(report, sinceReport: now - min(now, record.reportedAt))
    }

    private static func memoryReasons(_ report: HealthReport, sinceReport: UInt64) -> [HealthReason] {
        guard let figures = report.figures else { return [] }
        var reasons: [HealthReason] = []
        let marks = HealthMarks(figures)
        if marks.contains(.memory) {
            let free = percent(figures.memoryAvailable, figures.memoryTotal)
            reasons.append(HealthReason(.memory, "memory is nearly full: \(free) % free"))
        }
        if marks.contains(.memoryPressure) {
            reasons.append(HealthReason(.memory, "everything waits for memory"))
        }
        if marks.contains(.storagePressure) {
            reasons.append(HealthReason(.storage, "everything waits for storage"))
        }
        let uptime = figures.uptime &+ sinceReport / 1_000_000
        for kill in report.memoryKills?.recent ?? [] {
            let ago = uptime - min(uptime, kill.uptime)
            guard ago < killMemory else { continue }
            reasons.append(
                HealthReason(
                    .memoryKill,
                    "\(kill.program) (process \(kill.processID)) was killed for want of memory \(ago / 1000) s ago"))
        }
        return reasons
    }

    /// Of numbers that a guest may have made up.
    public static func percent(_ part: UInt64, _ whole: UInt64) -> UInt64 {
        whole == 0 ? 0 : UInt64(min(100, Double(part) / Double(whole) * 100).rounded())
    }
}

/// One thing that is not as it should be.
public struct HealthReason: Equatable, Hashable, Sendable {
    /// For programs. Names are a promise: more may come.
    public enum Code: String, Codable, Sendable, CaseIterable {
        case agentGone, agentSilent, sessions
        case mountLost, mountReadOnly, diskFull
        case memory, memoryKill, storage, clock, unitFailed
    }

    public let code: Code
    /// For people, without a full stop; safe to print.
    public let text: String

    init(_ code: Code, _ text: String) {
        self.code = code
        self.text = text
    }
}
