import Glibc
import LinuxSystem

/// Makes every entry below a folder of the host look owned by one user on a `mapped-xattr` share.
///
/// Everything goes by descriptor: no link is followed, no other mount entered (a bind mount neither), and only what is
/// wrong is touched. Entries that vanish or appear meanwhile are no failure; what appears behind the walk's back is not seen.
///
/// Concurrency: the calling thread and one more take folders from one `FolderQueue`, each counting in a report of its own.
/// With two, 20,000 entries take two thirds of the time that one needs; more gain nothing on the host's file system lock.
struct OwnershipWalk: Sendable {
    /// Folders below the top that the walk goes down. Four times what `PATH_MAX` lets anybody name; a guest that nests
    /// deeper means no good.
    static let maximumDepth = 8192
    private static let threads = 2
    /// A worker looks at the clock each time it has seen this many entries of one folder.
    private static let deadlineStride = 1024

    /// Absolute path of the top, a folder.
    let root: String
    let owner: FileOwner
    let isDryRun: Bool
    /// When it passes, the walk ends and the report says that it is not complete.
    var deadline = Deadline.never

    /// Everything below the top, or only what is at and below some paths.
    /// - Parameter paths: of bytes, normalised (see `ProjectPath`); empty for the top.
    /// - Throws: `badPath` when the top or a path isn't there, or leads over a symbolic link or to another mount.
    func run(_ paths: [ProjectPath]) throws(ControllerError) -> OwnershipReport {
        let began = Deadline.now()
        var report = newReport()
        let top = try self.top()
        let bounds = try Self.bounds(top)
        for path in paths.isEmpty ? [ProjectPath()] : paths { try start(at: path, from: top, bounds, &report) }
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

    private static func bounds(_ top: borrowing InodeHandle) throws(ControllerError) -> Bounds {
        do throws(SystemError) { return try Bounds(top) } catch {
            throw .system(error, doing: "Looking at the project")
        }
    }

    private func newReport() -> OwnershipReport {
        OwnershipReport(security: .mapped, owner: owner, isDryRun: isDryRun)
    }
}

extension OwnershipWalk {
    /// The mount that a walk stays on.
    struct Bounds: Sendable {
        private let device: dev_t
        private let mount: Int

        init(_ top: borrowing InodeHandle) throws(SystemError) {
            device = try top.status().st_dev
            mount = try top.mountID()
        }

        func contain(_ entry: borrowing InodeHandle, _ status: stat) throws(SystemError) -> Bool {
            guard status.st_dev == device else { return false }
            return try entry.mountID() == mount
        }
    }

    private func walk(
        _ top: consuming InodeHandle, _ bounds: Bounds, prefix: [UInt8], _ report: inout OwnershipReport
    ) {
        let queue = FolderQueue(top: top, deadline: deadline)
        let workers = (0..<Self.threads).map { _ in
            OwnershipWorker(
                queue: queue, bounds: bounds, prefix: prefix, stride: Self.deadlineStride, deadline: deadline,
                report: newReport())
        }
        for worker in workers.dropFirst() {
            queue.workerBegins()
            do throws(SystemError) {
                try Thread.start(name: "ownership") {
                    worker.run()
                    queue.workerEnds()
                }
            } catch {
                // One thread does all of it, only slower.
                queue.workerEnds()
            }
        }
        workers[0].run()
        queue.waitForWorkers()
        for worker in workers { report.merge(worker.report) }
        report.isComplete = report.isComplete && queue.isComplete
    }

    /// Goes down to a path and walks from there.
    private func start(
        at path: ProjectPath, from top: borrowing InodeHandle, _ bounds: Bounds, _ report: inout OwnershipReport
    ) throws(ControllerError) {
        let status: stat
        let entry = try find(path, from: top, bounds)
        do throws(SystemError) { status = try entry.status() } catch { throw path.failure(error) }
        if status.st_mode & S_IFMT == S_IFDIR {
            walk(entry, bounds, prefix: path.bytes, &report)
        } else {
            let ownership = GuestOwnership(owner: owner, isDryRun: isDryRun)
            OwnershipWorker.judge(entry, status, ownership, &report) { path.bytes }
        }
    }

    /// Name by name, so that nothing but what lies in the project can be reached.
    private func find(_ path: ProjectPath, from top: borrowing InodeHandle, _ bounds: Bounds) throws(ControllerError)
        -> InodeHandle
    {
        do throws(SystemError) {
            var entry = try top.duplicate()
            for name in path.names {
                // Below anything but a folder, openat(2) fails with ENOTDIR; a link is held as the link it is.
                entry = try InodeHandle(name.map { CChar(bitPattern: $0) } + [0], in: entry)
                let status = try entry.status()
                if status.st_mode & S_IFMT == S_IFLNK { throw SystemError("open", code: ELOOP) }
                if try !bounds.contain(entry, status) { throw SystemError("open", code: EXDEV) }
            }
            return entry
        } catch {
            throw path.failure(error)
        }
    }
}
