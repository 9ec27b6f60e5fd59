import AgentProtocol
import LinuxSystem

/// Looks whether memory or a file system has passed a mark, for which the kernel has no event. The nearer a mark is, the sooner
/// it looks again: what is used up at `fastest` or slower is seen within `shortest` of passing.
///
/// It looks while commands run, once after the last of them, and while much changes without them, as steady reports show. A look
/// asks only the guest's own kernel, never the host's file server behind a share, so none can wait for anybody.
///
/// Belongs to the report channel's thread.
struct ScarcityWatch {
    /// In KiB a millisecond, which is 2 GiB a second.
    private static let fastest: UInt64 = 2048
    /// Files a millisecond.
    private static let fastestEntries: UInt64 = 1000
    /// KiB. A smaller file system is for locks or secrets; it is looked at with the others, and would otherwise set the pace of
    /// every guest.
    private static let smallest: UInt64 = 64 << 10
    /// From look to look, in milliseconds.
    private static let (shortest, longest): (UInt64, UInt64) = (25, 1000)
    /// A change of so many percent of the whole from one steady report to the next is somebody's work.
    private static let movingPercent: UInt64 = 5

    private var lookedAt: UInt64 = 0
    /// Nanoseconds until the next look, as the last one found it.
    private var pause = ScarcityWatch.longest * 1_000_000
    private var isMoving = false
    private(set) var lookAt = Deadline.never

    /// Commands run, or have just done so.
    mutating func noteUse() {
        if lookAt == .never { lookAt = Deadline(nanoseconds: max(Deadline.now(), lookedAt + pause)) }
    }

    /// - Parameters:
    ///   - before: what the host had been told.
    ///   - now: with the steady report.
    mutating func noteSteady(_ before: HealthReport, _ now: HealthReport) {
        isMoving = ScarcityWatch.moves(before, now)
        if isMoving { noteUse() }
    }

    /// To be called when `lookAt` has passed.
    /// - Parameters:
    ///   - told: what the host knows.
    ///   - inUse: commands run.
    /// - Returns: what the host is to be told anew.
    mutating func look(_ told: HealthReport, inUse: Bool) -> HealthReporter.Sections {
        lookedAt = Deadline.now()
        var news: HealthReporter.Sections = []
        var reach = ScarcityWatch.longest
        for mount in told.mounts ?? [] {
            guard !mount.isReadOnly, let now = MountReading.ownRoom(of: mount) else { continue }
            if now.isPastOtherMarks(than: mount) { news.insert(.mounts) }
            guard now.total >= ScarcityWatch.smallest else { continue }
            reach = min(reach, HealthMarks.distance(now.available, of: now.total) / ScarcityWatch.fastest)
            reach = min(reach, HealthMarks.distance(now.entriesFree, of: now.entries) / ScarcityWatch.fastestEntries)
        }
        if let figures = told.figures {
            let (available, whole) = ScarcityWatch.memory(figures)
            if HealthMarks.isScarce(available, of: whole) != HealthMarks(figures).contains(.memory) {
                news.insert(.figures)
            }
            reach = min(reach, HealthMarks.distance(available, of: whole) / ScarcityWatch.fastest)
        }
        pause = max(reach, ScarcityWatch.shortest) * 1_000_000
        lookAt = inUse || isMoving ? Deadline(nanoseconds: lookedAt + pause) : .never
        return news
    }

    /// - Returns: KiB. As much as is available, or as is in no use at all, where that suffices: it is the cheaper question.
    private static func memory(_ told: HealthFigures) -> (available: UInt64, whole: UInt64) {
        let unused = Machine.unusedMemory
        if !HealthMarks.isScarce(unused, of: told.memoryTotal) { return (unused, told.memoryTotal) }
        var now = HealthFigures()
        // The first lines have it (meminfo_proc_show of the kernel).
        FiguresReading.take(memory: KernelText.prefix(of: "/proc/meminfo", limit: 128), &now)
        return (now.memoryAvailable, now.memoryTotal)
    }

    private static func moves(_ before: HealthReport, _ now: HealthReport) -> Bool {
        func moves(_ old: UInt64, _ new: UInt64, _ whole: UInt64) -> Bool {
            max(old, new) - min(old, new) > whole / 100 * movingPercent
        }
        if let old = before.figures, let new = now.figures,
            moves(old.memoryAvailable, new.memoryAvailable, new.memoryTotal)
        {
            return true
        }
        guard let old = before.mounts, let new = now.mounts else { return false }
        return zip(old, new).contains {
            $0.path == $1.path
                && (moves($0.available, $1.available, $1.total) || moves($0.entriesFree, $1.entriesFree, $1.entries))
        }
    }
}
