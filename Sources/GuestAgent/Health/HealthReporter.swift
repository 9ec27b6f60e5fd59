import AgentProtocol
import Glibc
import LinuxSystem

/// Watches the guest and reports to the host.
///
/// What the kernel tells by itself is reported at once: sessions (a timer of ours), mounts (`poll(2)` on `mountinfo`), listening
/// ports (`ListenEvents`), processes killed for want of memory (the kernel's log), waiting for memory (PSI), units (systemd's own
/// signals). For memory and file systems past a mark there is no event, so `ScarcityWatch` looks while commands run or
/// much changes without them.
/// No process is started for any of it, and while nothing happens the thread wakes for the steady report alone.
///
/// Concurrency: belongs to the report channel's thread.
final class HealthReporter {
    struct Sections: OptionSet {
        let rawValue: UInt8
        static let figures = Sections(rawValue: 1)
        static let sessions = Sections(rawValue: 2)
        static let mounts = Sections(rawValue: 4)
        static let ports = Sections(rawValue: 8)
        static let kills = Sections(rawValue: 16)
        static let services = Sections(rawValue: 32)
        static let all = Sections(rawValue: 63)
    }

    /// Before the first report, in milliseconds: a guest that has just booted has better things to do.
    private static let firstReport = 100
    private static let sendDeadline = 10_000
    /// Nanoseconds from systemd's first signal to the list, and from list to list.
    private static let unitsDelay: UInt64 = 5_000_000
    private static let unitsPause: UInt64 = 250_000_000
    /// Until a systemd that was there is looked for the first time, in milliseconds; then twice as long each time.
    private static let systemdPause = 500

    private let sessions: SessionTable
    private let news: SessionNews?
    private let mountTable: FileDescriptor
    /// As the table last had them, which tells of each change.
    private var mounts: [HealthMount] = []
    private var pressure = PressureTrigger()
    private var log = KernelLog()
    private var scarcity = ScarcityWatch()
    /// nil until there is somebody to tell.
    private var ports: PortWatch?
    /// nil while there is no systemd, or none that answers.
    private var systemd: SystemdBus?
    /// When to look for it apart from that.
    private var systemdAt = Deadline.never
    private var systemdPause = HealthReport.interval
    /// When units are to be listed: a boot or a big change comes with a thousand signals.
    private var servicesAt = Deadline.never
    private var servicesListedAt: UInt64 = 0
    /// A few changes go out at once, each as soon as it is seen, and ten a second when they don't end.
    private static let limit = RateLimit(burst: 20, milliseconds: 100)
    private var pace = HealthReporter.limit
    /// No report goes out before.
    private var startAt = Deadline.never
    /// As the host has it.
    private var told = HealthReport(clock: 0)
    /// What may have changed since.
    private var stale = Sections.all
    private var steadyAt = Deadline.never
    /// How many sessions there had been when memory was released; nil before the first time.
    private var releasedAt: UInt64?

    private let ownsMachine: Bool

    /// - Parameter ownsMachine: the agent is the machine's own, so that its service manager is to be asked.
    init(sessions: SessionTable, news: SessionNews?, ownsMachine: Bool = true) {
        self.ownsMachine = ownsMachine
        self.sessions = sessions
        self.news = news
        _ = FiguresReading.began
        mountTable = (try? FileDescriptor.open("/proc/self/mountinfo", O_RDONLY)) ?? FileDescriptor(owning: -1)
    }

    /// Reports until the host goes.
    /// - Throws: when the host takes nothing any more.
    func serve(_ connection: borrowing FileDescriptor) throws(SystemError) {
        told = HealthReport(clock: 0)
        stale = .all
        startAt = .after(milliseconds: HealthReporter.firstReport)
        pace = HealthReporter.limit
        steadyAt = startAt
        systemdAt = systemd == nil && ownsMachine ? startAt : .never
        if ports == nil { ports = PortWatch(events: ListenEvents.watch(mayMount: ownsMachine)) }
        while try wait(connection) {
            noteWhatIsDue()
            let isSteady = steadyAt.hasPassed
            guard isSteady || !stale.isEmpty, reportAt.hasPassed, let report = gather(isSteady) else { continue }
            try connection.sendAll(report.frame(), deadline: .after(milliseconds: HealthReporter.sendDeadline))
            let before = told
            told.merge(report)
            pace.note()
            guard isSteady else { continue }
            scarcity.noteSteady(before, told)
            steadyAt = .after(milliseconds: HealthReport.interval)
            if systemd == nil, systemdAt == .never, ownsMachine { findSystemd() }
            releaseMemory()
        }
    }

    /// What commands left in memory. The reports' own pages come back with each, for a millisecond of a processor under TCG, so
    /// they stay while nothing else has run.
    private func releaseMemory() {
        let total = sessions.total
        guard total != releasedAt, sessions.count == 0 else { return }
        releasedAt = total
        ResidentMemory.release()
    }

    private func noteWhatIsDue() {
        if ports?.takeDue() == true { stale.insert(.ports) }
        if scarcity.lookAt.hasPassed {
            stale.formUnion(scarcity.look(told, inUse: sessions.health.running > 0))
        }
        if systemdAt.hasPassed { findSystemd() }
        if servicesAt.hasPassed {
            servicesAt = .never
            stale.insert(.services)
        }
    }

    /// From then on a report may go out.
    private var reportAt: Deadline { max(startAt, pace.nextAt) }

    /// Sleeps until something happens or is due.
    /// - Returns: false when the host is gone.
    private func wait(_ connection: borrowing FileDescriptor) throws(SystemError) -> Bool {
        let nextReport = stale.isEmpty ? max(steadyAt, reportAt) : reportAt
        let due = [nextReport, servicesAt, systemdAt, scarcity.lookAt, ports?.lookAt ?? .never].min() ?? nextReport
        let descriptors = [
            (connection.rawValue, POLLIN), (news?.rawValue ?? -1, POLLIN), (mountTable.rawValue, POLLPRI),
            (log.pollDescriptor, POLLIN), (pressure.pollDescriptor, POLLPRI), (systemd?.rawValue ?? -1, POLLIN),
        ]
        let events = (ports?.descriptors ?? []).map { ($0, POLLIN) }
        var entries = (descriptors + events).map { pollfd(fd: $0.0, events: Int16($0.1), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), due.pollTimeout) > 0 else { return true }
        if entries[1].revents != 0 {
            news?.hear()
            stale.insert(.sessions)
        }
        if entries[2].revents != 0 { stale.insert(.mounts) }
        if entries[3].revents != 0, log.take() { stale.formUnion([.kills, .figures]) }
        if entries[4].revents != 0 {
            pressure.dropIfBroken(entries[4].revents)
            stale.insert(.figures)
        }
        if entries[5].revents != 0 {
            switch systemd?.takeNews() {
            case .some(true):
                if servicesAt == .never {
                    let soon = Deadline.now() + HealthReporter.unitsDelay
                    servicesAt = Deadline(nanoseconds: max(soon, servicesListedAt + HealthReporter.unitsPause))
                }
            case .some(false): break
            case nil: loseSystemd()
            }
        }
        ports?.take(entries[descriptors.count...])
        return entries[0].revents == 0 ? true : try isThere(connection)
    }

    private func findSystemd() {
        systemd = SystemdBus()
        if systemd != nil {
            stale.insert(.services)
            systemdPause = HealthReport.interval
        } else {
            systemdPause = min(systemdPause * 2, HealthReport.interval)
        }
        // Where it was never found, it is looked for behind each steady report.
        systemdAt = systemdPause < HealthReport.interval ? .after(milliseconds: systemdPause) : .never
    }

    /// It began anew (`systemctl daemon-reexec`).
    private func loseSystemd() {
        systemd = nil
        systemdPause = HealthReporter.systemdPause
        systemdAt = .after(milliseconds: systemdPause)
    }

    /// Nothing is expected of the host; what comes is taken off.
    private func isThere(_ connection: borrowing FileDescriptor) throws(SystemError) -> Bool {
        try withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer throws(SystemError) in
            try connection.receive(into: buffer) != .endOfFile
        }
    }

    /// Looks at what may have changed.
    /// - Returns: what the host doesn't know yet; nil when that is nothing.
    private func gather(_ isSteady: Bool) -> HealthReport? {
        var report = HealthReport(clock: HealthReporter.clock)
        if stale.contains(.sessions) {
            news?.take()
            report.sessions = changed(sessions.health, told.sessions)
            // Here, since one that begins while a report is held back rings no more.
            if report.sessions != nil { scarcity.noteUse() }
        }
        if stale.contains(.ports) || (isSteady && ports?.isOverdue != false) {
            ports?.noteLook()
            report.ports = changed(PortReading.read(), told.ports)
        }
        if stale.contains(.kills) { report.memoryKills = changed(log.kills, told.memoryKills) }
        if stale.contains(.mounts) { mounts = MountReading.list(mountTable) }
        if stale.contains(.mounts) || isSteady {
            let mounts = MountReading.measured(mounts)
            if isSteady || told.mounts.map({ HealthReporter.isNews(mounts, $0) }) ?? true {
                report.mounts = changed(mounts, told.mounts)
            }
        }
        if stale.contains(.figures) || isSteady {
            let figures = FiguresReading.read()
            if isSteady || told.figures.map({ HealthMarks($0) != HealthMarks(figures) }) ?? true {
                report.figures = figures
            }
        }
        if stale.contains(.services), let systemd {
            servicesListedAt = Deadline.now()
            if let services = systemd.services() {
                report.services = changed(services, told.services)
            } else {
                loseSystemd()
            }
        }
        stale = []
        let isEmpty = report == HealthReport(clock: report.clock)
        return isEmpty ? nil : report
    }

    private func changed<Section: Equatable>(_ new: Section, _ old: Section?) -> Section? { new == old ? nil : new }

    /// Whether more has changed than how much room there is.
    private static func isNews(_ new: [HealthMount], _ old: [HealthMount]) -> Bool {
        !new.elementsEqual(old) { a, b in
            a.path == b.path && a.type == b.type && a.isReadOnly == b.isReadOnly && !a.isPastOtherMarks(than: b)
        }
    }

    private static var clock: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
