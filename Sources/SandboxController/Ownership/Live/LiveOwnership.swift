import Glibc
import LinuxSystem

/// The watch over a `mapped` share while its sandbox runs: a file made on the host is right in the guest, and what the guest
/// made can be used on the host, without anybody's asking. On a `none` share there is none, and nothing is called.
///
/// Concurrency: one thread of its own does all the work, in a `LiveKeeper`; any thread may read `summary`. `end` is called
/// once, by whoever began it. The thread sleeps in `poll(2)` until something happens, without a time limit.
///
/// A guest can make events faster than they are looked at. So the thread rests as long as it has worked whenever it
/// has worked for `workLimit`: at most half a processor. What the kernel's queue can't hold meanwhile is told as an overflow,
/// and one look at everything makes up for it, at most once in ten times the time that it took.
final class LiveOwnership: @unchecked Sendable {
    /// Nanoseconds.
    private static let workLimit: UInt64 = 25_000_000
    private static let window: UInt64 = 100_000_000
    private static let longestRest: UInt64 = 500_000_000

    private let stopping: EventDescriptor
    private let ended: EventDescriptor
    private let lock = Mutex()
    private var latest = WatchSummary()
    private let told: @Sendable (WatchSummary) -> Void

    /// - Parameters:
    ///   - project: absolute path of its folder, without symbolic links.
    ///   - told: called on the watch's own thread whenever its state changes.
    init(
        project: String, owner: FileOwner, told: @escaping @Sendable (WatchSummary) -> Void = { _ in }
    ) throws(SystemError) {
        stopping = try EventDescriptor()
        ended = try EventDescriptor()
        self.told = told
        try Thread.start(name: "live-ownership", stackKibibytes: 512) {
            self.run(project, owner)
            self.ended.signal()
        }
    }

    var summary: WatchSummary { lock.withLock { latest } }

    /// Takes what has happened until now and ends.
    func end(deadline: Deadline) {
        stopping.signal()
        Self.wait(for: [ended.rawValue], until: deadline)
    }

    // MARK: The thread

    private var isStopping: Bool { Self.wait(for: [stopping.rawValue], until: Deadline(nanoseconds: 0)) }

    private func run(_ project: String, _ owner: FileOwner) {
        do throws(SystemError) {
            let keeper = try LiveKeeper(project: project, owner: owner) { self.isStopping }
            try watch(keeper)
        } catch {
            publish(WatchSummary(off: error))
        }
    }

    private func watch(_ keeper: LiveKeeper) throws(SystemError) {
        var (nextLook, windowBegan, worked) = (Deadline(nanoseconds: 0), Deadline.now(), UInt64(0))
        while true {
            if keeper.isBehind, nextLook.hasPassed {
                let began = Deadline.now()
                keeper.lookAtEverything()
                publish(keeper.summary)
                nextLook = .after(nanoseconds: max(1_000_000_000, 10 * (Deadline.now() - began)))
            }
            Self.wait(
                for: [keeper.changes.rawValue, stopping.rawValue], until: keeper.isBehind ? nextLook : .never)
            let began = Deadline.now()
            let batch = try keeper.changes.read()
            keeper.take(batch)
            if !Self.wait(for: [keeper.changes.rawValue], until: Deadline(nanoseconds: 0)) {
                keeper.tidy()
                if isStopping { return publish(keeper.summary) }
            }
            publish(keeper.summary)
            let now = Deadline.now()
            if began - windowBegan > Self.window { (windowBegan, worked) = (began, 0) }
            worked += now - began
            if worked > Self.workLimit, !isStopping {
                // Only the wish to stop ends the rest, so that events gather and equal ones become one.
                Self.wait(for: [stopping.rawValue], until: .after(nanoseconds: min(worked, Self.longestRest)))
                worked = 0
            }
        }
    }

    private func publish(_ summary: WatchSummary) {
        let isNews = lock.withLock { () -> Bool in
            let isNews = latest.state != summary.state
            latest = summary
            return isNews
        }
        if isNews { told(summary) }
    }

    /// - Returns: whether one of them became readable.
    @discardableResult
    private static func wait(for descriptors: [Int32], until deadline: Deadline) -> Bool {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            let ready = poll(&entries, nfds_t(entries.count), deadline.pollTimeout)
            if ready >= 0 { return ready > 0 }
        }
    }
}
