import Glibc
import LinuxSystem

/// Makes every entry below a folder of the host look owned by one user on a `mapped-xattr` share.
///
/// Only what is wrong is touched, and everything goes by descriptor (`TreeWalk`).
///
/// Concurrency: the calling thread and one more, each counting in a report of its own. With two, 20,000 entries take two
/// thirds of the time that one needs; more gain nothing on the host's file system lock.
struct OwnershipWalk: Sendable {
    private static let threads = 2

    /// Absolute path of the top, a folder.
    let root: String
    let owner: FileOwner
    let isDryRun: Bool
    /// What the guest said of modes is made true on the host, too.
    var mirrors = false
    /// When it passes, the walk ends and the report says that it is not complete.
    var deadline = Deadline.never

    /// Everything below the top, or only what is at and below some paths.
    /// - Parameter paths: of bytes, normalised (see `ProjectPath`); empty for the top.
    /// - Throws: `badPath` when the top or a path isn't there, or leads over a symbolic link or to another mount.
    func run(_ paths: [ProjectPath]) throws(ControllerError) -> OwnershipReport {
        let began = Deadline.now()
        var report = newReport()
        let top = try self.top()
        let place = try Self.place(top)
        let bounds = MountBounds(place)
        let rules = EntryRules(
            ownership: GuestOwnership(owner: owner, isDryRun: isDryRun),
            mirror: mirrors ? HostMirror(owner: owner, top: place.status, isDryRun: isDryRun) : nil)
        for path in paths.isEmpty ? [ProjectPath()] : paths { try start(at: path, from: top, bounds, rules, &report) }
        report.seconds = Double(Deadline.now() - began) / 1e9
        return report
    }

    private func top() throws(ControllerError) -> InodeHandle {
        do throws(SystemError) {
            return try InodeHandle(folder: root)
        } catch {
            throw .system(error, doing: "Opening the folder \(PrintableText.quoted(root))")
        }
    }

    private static func place(_ top: borrowing InodeHandle) throws(ControllerError) -> InodeHandle.Place {
        do throws(SystemError) { return try top.place() } catch {
            throw .system(error, doing: "Looking at the project")
        }
    }

    private func newReport() -> OwnershipReport {
        OwnershipReport(security: .mapped, owner: owner, isDryRun: isDryRun)
    }
}

extension OwnershipWalk {
    /// A folder of the project and everything below it.
    /// - Parameter prefix: its path in the project.
    func walk(
        _ top: consuming InodeHandle, _ bounds: MountBounds, _ rules: EntryRules, prefix: [UInt8],
        _ report: inout OwnershipReport
    ) {
        var walk = TreeWalk()
        walk.prefix = prefix
        walk.deadline = deadline
        let workers = (0..<Self.threads).map { _ in OwnershipWorker(newReport(), rules) }
        let isComplete = walk.run(top, bounds, visitors: workers)
        for worker in workers { report.merge(worker.report) }
        report.isComplete = report.isComplete && isComplete
    }

    /// Goes down to a path and walks from there.
    private func start(
        at path: ProjectPath, from top: borrowing InodeHandle, _ bounds: MountBounds, _ rules: EntryRules,
        _ report: inout OwnershipReport
    ) throws(ControllerError) {
        let place: InodeHandle.Place
        let entry = try find(path, from: top, bounds)
        do throws(SystemError) { place = try entry.place() } catch { throw path.failure(error) }
        if place.isFolder {
            walk(entry, bounds, rules, prefix: path.bytes, &report)
        } else {
            rules.judge(entry, place.status, &report) { path.bytes }
        }
    }

    /// Name by name, so that nothing but what lies in the project can be reached.
    private func find(_ path: ProjectPath, from top: borrowing InodeHandle, _ bounds: MountBounds)
        throws(ControllerError)
        -> InodeHandle
    {
        do throws(SystemError) {
            var entry = try top.duplicate()
            for name in path.names {
                // Below anything but a folder, openat(2) fails with ENOTDIR; a link is held as the link it is.
                entry = try InodeHandle(name.map { CChar(bitPattern: $0) } + [0], in: entry)
                let place = try entry.place()
                if place.status.st_mode & S_IFMT == S_IFLNK { throw SystemError("open", code: ELOOP) }
                if !bounds.contain(place) { throw SystemError("open", code: EXDEV) }
            }
            return entry
        } catch {
            throw path.failure(error)
        }
    }
}
