import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization

/// Makes owners right from inside the guest, where the host can't: on other mounts, on shares that somebody else set up, for
/// what QEMU's user may change and the host's may not. And it sees what the guest sees, so it can tell whether all is well.
///
/// Concurrency: `serve` is called on a connection's own worker and stays there; the walk has threads of its own, nicer than
/// sessions, and ends before `serve` returns. One request at a time; a second is refused.
final class OwnershipFixer: Sendable {
    /// On a 9p mount each entry costs several round trips of which a thread waits for most, so more than processors.
    static let threads = 4
    private static let niceness: Int32 = 10
    private static let progressMilliseconds: Int32 = 500
    /// For the host to take the last report.
    private static let reportDeadline = 10_000

    private let guest: GuestRoot
    private let isBusy = Atomic<Bool>(false)

    init(_ guest: GuestRoot) { self.guest = guest }

    func serve(
        _ request: OwnershipRequest, _ connection: borrowing FileDescriptor, _ outbox: inout Outbox
    ) throws(Refusal) {
        guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            throw Refusal(.resourcesExhausted, "The guest agent is at work on owners already; try again after that.")
        }
        defer { isBusy.store(false, ordering: .releasing) }
        let job = try start(request)
        follow(job, connection, &outbox)
        let result = job.result.withLock { $0 }
        switch result {
        case .success(let report): outbox.append(report.frame())
        case .failure(let refusal): throw refusal
        case nil: return
        }
        let deadline = Deadline.after(milliseconds: OwnershipFixer.reportDeadline)
        while outbox.flush(to: connection) == .blocked {
            do throws(SystemError) { try connection.waitUntilReady(POLLOUT, deadline: deadline) } catch { return }
        }
    }

    /// A walk on its way.
    private final class Job: Sendable {
        let stop = TreeWalk.Stop()
        let progress = OwnershipProgress()
        let ended: EventDescriptor
        let result = Mutex<Result<GuestOwnershipReport, Refusal>?>(nil)
        init() throws(SystemError) { ended = try EventDescriptor() }
    }

    private func start(_ request: OwnershipRequest) throws(Refusal) -> Job {
        do throws(SystemError) {
            let job = try Job()
            try Thread.start(name: "ownership") {
                // Its threads have that from it.
                Thread.beNicer(by: OwnershipFixer.niceness)
                let result = self.walk(request, job)
                job.result.withLock { $0 = result }
                job.ended.signal()
            }
            return job
        } catch {
            throw Refusal("Beginning to look at owners in the guest", error)
        }
    }

    /// Waits for the walk's end, tells how far it has come, and ends it when the host goes.
    private func follow(_ job: Job, _ connection: borrowing FileDescriptor, _ outbox: inout Outbox) {
        var isListening = outbox.flush(to: connection) != .peerGone
        if !isListening { job.stop.request() }
        while true {
            var entries = (
                pollfd(fd: job.ended.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isListening ? connection.rawValue : -1, events: Int16(POLLIN), revents: 0)
            )
            let ready = withUnsafeMutableBytes(of: &entries) {
                poll($0.bindMemory(to: pollfd.self).baseAddress, 2, OwnershipFixer.progressMilliseconds)
            }
            if ready < 0 { continue }
            if entries.0.revents != 0 { return }
            // A host that says anything more, or goes, wants no more of it.
            if entries.1.revents != 0 { isListening = false }
            if isListening, outbox.isEmpty { outbox.append(job.progress.report.frame()) }
            if isListening, outbox.flush(to: connection) == .peerGone { isListening = false }
            if !isListening { job.stop.request() }
        }
    }

    private func walk(_ request: OwnershipRequest, _ job: Job) -> Result<GuestOwnershipReport, Refusal> {
        do throws(Refusal) {
            return .success(try run(request, job.stop, job.progress))
        } catch {
            return .failure(error)
        }
    }

    /// The walk itself, on this thread and others.
    func run(
        _ request: OwnershipRequest, _ stop: TreeWalk.Stop = .init(), _ progress: OwnershipProgress = .init()
    ) throws(Refusal) -> GuestOwnershipReport {
        let began = Deadline.now()
        let target = try OwnershipTarget(request.root, in: guest)
        var walk = TreeWalk()
        walk.stop = stop
        walk.deadline = request.limitMilliseconds.map { .after(milliseconds: Int(clamping: $0)) } ?? .never
        let links = LinkedFiles()
        let visitors = (0..<OwnershipFixer.threads).map { _ in
            OwnershipVisitor(
                request, links, progress, leavesLinkedSystemFiles: !target.isWholeMount || !request.paths.isEmpty)
        }
        var isComplete = true
        for path in request.paths.isEmpty ? [[]] : request.paths {
            let entry = try target.entry(path)
            walk.prefix = path
            do throws(SystemError) {
                let place = try entry.place()
                if place.isFolder {
                    isComplete = walk.run(entry, target.bounds, visitors: visitors) && isComplete
                } else {
                    visitors[0].visit(entry, place.status) { path }
                }
            } catch {
                throw Refusal("Looking at what is to be walked", error)
            }
        }
        var report = GuestOwnershipReport(isComplete: isComplete)
        for visitor in visitors { report.merge(visitor.report) }
        report.milliseconds = (Deadline.now() - began) / 1_000_000
        return report
    }
}
