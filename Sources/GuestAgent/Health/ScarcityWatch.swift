import AgentProtocol
import LinuxSystem

/// Looks whether memory or a file system has passed a mark, for which the kernel has no event: once a second while commands
/// run, and once after the last of them. A guest in which none does has the steady reports.
///
/// A look asks only the guest's own kernel, never the host's file server behind a share, so none can wait for anybody.
///
/// Belongs to the report channel's thread.
struct ScarcityWatch {
    private static let interval: UInt64 = 1_000_000_000

    private var lookedAt: UInt64 = 0
    private(set) var lookAt = Deadline.never

    /// Commands run, or have just done so.
    mutating func noteUse() {
        if lookAt == .never { lookAt = Deadline(nanoseconds: max(Deadline.now(), lookedAt + ScarcityWatch.interval)) }
    }

    /// To be called when `lookAt` has passed.
    /// - Parameters:
    ///   - told: what the host knows.
    ///   - inUse: commands run.
    /// - Returns: what the host is to be told anew.
    mutating func look(_ told: HealthReport, inUse: Bool) -> HealthReporter.Sections {
        lookedAt = Deadline.now()
        lookAt = inUse ? Deadline(nanoseconds: lookedAt + ScarcityWatch.interval) : .never
        var news: HealthReporter.Sections = []
        if let mounts = told.mounts, mounts.contains(where: MountReading.isPastAnotherMark) { news.insert(.mounts) }
        if let figures = told.figures {
            var now = HealthFigures()
            FiguresReading.take(memory: KernelText.prefix(of: "/proc/meminfo", limit: 2048), &now)
            if HealthMarks(now).contains(.memory) != HealthMarks(figures).contains(.memory) { news.insert(.figures) }
        }
        return news
    }
}
