import AgentProtocol
import FoundationEssentials
import LinuxSystem

/// Keeps what the agent reports, and wakes those who watch.
///
/// Concurrency: any thread calls; everything is behind `lock`. Watchers are woken by an eventfd of their own, so that each
/// can wait for its visitor's end beside it.
final class HealthKeeper: @unchecked Sendable {
    private let lock = Mutex()
    private var record = HealthRecord()
    private var watchers: [EventDescriptor] = []
    /// Of the first report of this boot, by path: whether it could be written to.
    private var firstMounts: [(path: String, isReadOnly: Bool)]?
    private var lastSkew: Int64?
    /// Readable after `noteUse`.
    let use = try? EventDescriptor()

    var current: HealthRecord { lock.withLock { record } }

    func noteHello(reports: Bool) {
        change {
            $0.helloAt = Deadline.now()
            $0.reports = reports
            $0.lostAt = nil
            // A new agent begins with all of it.
            $0.report = nil
            $0.reportedAt = 0
        }
    }

    func noteLoss() { change { $0.lostAt = $0.lostAt ?? Deadline.now() } }

    /// The sandbox is being stopped: those who watch look up.
    func noteEnd() { change { _ in } }

    /// Somebody's command ran to its end, which is as good as a try. Told at most every ten seconds: it is no news.
    func noteUse() {
        let now = Deadline.now()
        if let last = current.probe, last.failure == nil, now < last.at + 10_000_000_000 { return }
        note(HealthRecord.Probe(at: now))
        use?.signal()
    }

    /// - Parameter count: from now on.
    func noteForwards(_ count: Int) { change { $0.forwards = UInt64(count) } }

    func note(_ new: HealthRecord.Probe) { change { $0.probe = new } }

    /// - Parameters:
    ///   - report: as it came.
    ///   - bytes: of its frame.
    func take(_ report: HealthReport, bytes: Int = 0) {
        let new = report.escaped()
        let hostClock = Date().timeIntervalSince1970 * 1000
        let skew = Int64(clamping: Int64(exactly: (Double(new.clock) / 1e6 - hostClock).rounded()) ?? 0)
        change { record in
            if record.report == nil { record.report = new } else { record.report?.merge(new) }
            record.reportedAt = Deadline.now()
            record.receivedBytes += UInt64(bytes)
            // One report alone may have waited on its way, on a host that slept.
            if let lastSkew = self.lastSkew { record.skewMilliseconds = abs(skew) < abs(lastSkew) ? skew : lastSkew }
            self.lastSkew = skew
            if let mounts = new.mounts { self.compare(mounts, &record) }
        }
    }

    private func compare(_ mounts: [HealthMount], _ record: inout HealthRecord) {
        guard let first = firstMounts else {
            firstMounts = mounts.map { ($0.path, $0.isReadOnly) }
            return
        }
        record.lostMounts = first.filter { old in !mounts.contains { $0.path == old.path } }.map(\.path)
        record.readOnlyMounts = first.filter { old in
            !old.isReadOnly && mounts.contains { $0.path == old.path && $0.isReadOnly }
        }.map(\.path)
    }

    private func change(_ body: (inout HealthRecord) -> Void) {
        let watchers = lock.withLock { () -> [EventDescriptor] in
            body(&record)
            record.version += 1
            return self.watchers
        }
        for watcher in watchers { watcher.signal() }
    }

    /// - Returns: what becomes readable with every change from now on.
    func subscribe() throws(SystemError) -> EventDescriptor {
        let watcher = try EventDescriptor()
        lock.withLock { watchers.append(watcher) }
        return watcher
    }

    func unsubscribe(_ watcher: EventDescriptor) { lock.withLock { watchers.removeAll { $0 === watcher } } }
}
