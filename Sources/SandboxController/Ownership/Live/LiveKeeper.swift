import Glibc
import LinuxSystem

/// Keeps a `mapped` share right while it changes: looks at whatever an event names, from the project's folder down.
///
/// An event is a hint and no more. The entry is opened as it is now, below the top and without following a link, judged by
/// what its descriptor says and changed by that descriptor: a guest that renames and replaces meanwhile has something
/// of its own project made right, or nothing.
///
/// Memory: a node for each watched folder (`WatchLimit`), one batch of events, `manyNamesLimit` names; whatever does not
/// fit is told as `isBehind`, and a look at everything makes up for it.
///
/// Concurrency: one thread.
final class LiveKeeper {
    static let manyNamesLimit = 1024

    /// A folder held open for as long as anybody works in it.
    final class Folder {
        let handle: InodeHandle
        init(_ handle: consuming InodeHandle) { self.handle = handle }
    }

    let changes: FolderChanges
    let top: Folder
    let bounds: MountBounds
    var rules: EntryRules
    let owner: FileOwner
    var tree: WatchTree
    let limit: (folders: Int, obstacle: WatchSummary.Obstacle)
    var round = 0
    var report: OwnershipReport
    var unwatched = 0
    var obstacle: WatchSummary.Obstacle?
    /// Something may have been missed that no event will name again.
    var isBehind = true
    /// Folders with events that were not where they had been: their new place is in an event that is still to come.
    var missed: Set<Int32> = []
    /// Files with a second name, by folder: when one of the names goes, the other may be looked at. Git makes each object so
    /// (core.createObject).
    var manyNames: [Int32: Set<[CChar]>] = [:]
    var manyNamesCount = 0
    /// The folder that was reached last.
    var reached: (number: Int32, folder: Folder)?
    private let isStopped: () -> Bool

    /// - Parameter isStopped: asked often during long work.
    init(
        project: String, owner: FileOwner,
        limit: (folders: Int, obstacle: WatchSummary.Obstacle) = WatchLimit.now(), isStopped: @escaping () -> Bool
    ) throws(SystemError) {
        changes = try FolderChanges()
        top = Folder(try InodeHandle(folder: project))
        bounds = try MountBounds(top.handle)
        rules = Self.rules(owner, try top.handle.status())
        tree = WatchTree(top: try changes.watch(top.handle))
        report = OwnershipReport(security: .mapped, owner: owner, isDryRun: false)
        self.owner = owner
        self.limit = limit
        self.isStopped = isStopped
    }

    /// Commands run as root where root owns the project, and may use files of any owner.
    static func rules(_ owner: FileOwner, _ top: stat) -> EntryRules {
        EntryRules(
            ownership: owner.isRoot ? nil : GuestOwnership(owner: owner, isDryRun: false, onlyUnsaid: true),
            mirror: HostMirror(owner: owner, top: top))
    }

    var summary: WatchSummary {
        var summary = WatchSummary()
        summary.state = unwatched > 0 ? .partly : .watching
        (summary.folders, summary.unwatched, summary.fixed) = (tree.count, unwatched, report.changed)
        if unwatched > 0, let obstacle { summary.explain(obstacle) }
        return summary
    }

    // MARK: Everything

    /// Watches every folder and judges every entry: at the beginning, and when events were lost.
    func lookAtEverything() {
        (round, isBehind, unwatched, obstacle) = (round + 1, false, 0, nil)
        missed = []
        reached = nil
        scan(tree.top)
        guard !isStopped() else { return }
        for folder in tree.takeOlder(than: round) { changes.unwatch(folder) }
        if unwatched > 0 { lookAtUnwatched() }
    }

    /// What can't be watched is at least looked at.
    private func lookAtUnwatched() {
        guard let copy = try? top.handle.duplicate() else { return }
        var walk = OwnershipWalk(root: "", owner: owner, isDryRun: false)
        walk.deadline = .after(milliseconds: Ownership.bootLimitMilliseconds)
        var seen = OwnershipReport(security: .mapped, owner: owner, isDryRun: false)
        walk.walk(copy, bounds, rules, prefix: [], &seen)
        report.changed += seen.changed
    }

    func scan(_ folder: Int32) {
        var waiting = [folder]
        while let next = waiting.popLast(), !isStopped() {
            guard let folder = reach(next) else {
                noteMissed(next)
                continue
            }
            var folders: [[CChar]] = []
            let room = limit.folders
            _ = try? folder.handle.eachName { name, kind in
                let bytes = Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1))
                if kind == Int32(DT_DIR) || judge(bytes, in: folder, next) {
                    if folders.count < room { folders.append(bytes) } else { unwatched += 1 }
                }
                return !isStopped()
            }
            for name in folders { if let found = adopt(name, in: folder, next) { waiting.append(found) } }
        }
    }
}
