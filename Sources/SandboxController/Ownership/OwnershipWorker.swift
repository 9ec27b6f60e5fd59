import Glibc
import LinuxSystem

/// One thread's share of a walk.
///
/// Concurrency: `run` is called once, on the worker's own thread; `report` is read by the walk after that has ended (the
/// queue's lock lies between).
final class OwnershipWorker: @unchecked Sendable {
    private let queue: FolderQueue
    private let bounds: OwnershipWalk.Bounds
    private let prefix: [UInt8]
    private let stride: Int
    private let deadline: Deadline
    private let ownership: GuestOwnership
    private(set) var report: OwnershipReport

    /// - Parameters:
    ///   - prefix: path of the queue's top in the project.
    ///   - stride: how many entries of one folder are seen between two looks at the clock.
    init(
        queue: FolderQueue, bounds: OwnershipWalk.Bounds, prefix: [UInt8], stride: Int, deadline: Deadline,
        report: OwnershipReport
    ) {
        self.queue = queue
        self.bounds = bounds
        self.prefix = prefix
        self.stride = stride
        self.deadline = deadline
        self.report = report
        ownership = GuestOwnership(owner: report.owner, isDryRun: report.isDryRun)
    }

    func run() {
        while let work = queue.next() {
            var children: [[CChar]] = []
            switch work.folder {
            case .success(let folder): look(into: folder, work.index, &children)
            case .failure(let error): note(error) { self.path(work.index, []) }
            }
            queue.finish(work.index, children: children)
        }
    }

    private func look(into folder: FolderQueue.Folder, _ index: Int, _ children: inout [[CChar]]) {
        do throws(SystemError) {
            let status = try folder.handle.status()
            guard try bounds.contain(folder.handle, status) else {
                return report.add(.otherMount) { self.path(index, []) }
            }
            Self.judge(folder.handle, status, ownership, &report) { self.path(index, []) }
        } catch {
            return note(error) { self.path(index, []) }
        }
        let isDeepest = queue.depth(of: index) >= OwnershipWalk.maximumDepth
        var count = 0
        do throws(SystemError) {
            try folder.handle.eachName { name, kind in
                count += 1
                if count % stride == 0, deadline.hasPassed {
                    queue.stop()
                    return false
                }
                guard kind == Int32(DT_DIR) || visit(name, in: folder, index) else { return true }
                if isDeepest {
                    report.add(.tooDeep) { self.path(index, Self.bytes(name)) }
                } else {
                    children.append(Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1)))
                }
                return true
            }
        } catch {
            if error.code == EACCES {
                report.add(.closedFolder) { self.path(index, []) }
            } else {
                note(error) { self.path(index, []) }
            }
        }
    }

    /// Looks at what is probably no folder. - Returns: true when it is one all the same, and is still to be looked at.
    private func visit(_ name: UnsafePointer<CChar>, in folder: FolderQueue.Folder, _ index: Int) -> Bool {
        do throws(SystemError) {
            let entry = try InodeHandle(name, in: folder.handle)
            let status = try entry.status()
            if status.st_mode & S_IFMT == S_IFDIR { return true }
            if try bounds.contain(entry, status) {
                Self.judge(entry, status, ownership, &report) { self.path(index, Self.bytes(name)) }
            } else {
                report.add(.otherMount) { self.path(index, Self.bytes(name)) }
            }
        } catch {
            note(error) { self.path(index, Self.bytes(name)) }
        }
        return false
    }

    /// Makes one entry right and counts it.
    static func judge(
        _ entry: borrowing InodeHandle, _ status: stat, _ ownership: GuestOwnership, _ report: inout OwnershipReport,
        _ path: () -> [UInt8]
    ) {
        report.seen += 1
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR else {
            // Without attributes the guest sees the real ids.
            if ownership.owner == FileOwner(userID: status.st_uid, groupID: status.st_gid) {
                report.alreadyRight += 1
            } else {
                report.add(OwnershipProblem(special: status.st_mode), path)
            }
            return
        }
        do throws(SystemError) {
            if try ownership.fix(entry, status) { report.changed += 1 } else { report.alreadyRight += 1 }
        } catch {
            report.add(OwnershipProblem(error), path)
        }
    }

    /// What vanished, or is no folder any more, is no failure.
    private func note(_ error: SystemError, _ path: () -> [UInt8]) {
        switch error.code {
        case ENOENT, ENOTDIR, ELOOP: return
        default: report.add(OwnershipProblem(error), path)
        }
    }

    private func path(_ folder: Int, _ name: [UInt8]) -> [UInt8] {
        let parts = [prefix, queue.path(of: folder), name].filter { !$0.isEmpty }
        return parts.isEmpty ? Array(".".utf8) : Array(parts.joined(separator: [0x2F]))
    }

    private static func bytes(_ name: UnsafePointer<CChar>) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
    }
}
