import Glibc

/// One thread's share of a walk. Used by that thread alone.
final class TreeWorker: Sendable {
    /// Names handed on to an idle worker at once: few enough that all of them end together.
    private static let batch = 64
    /// A worker looks at the clock each time it has seen this many entries of one folder: under a millisecond on a disk,
    /// about ten on a 9p mount under TCG.
    private static let stride = 16

    private let queue: FolderQueue
    private let bounds: MountBounds
    private let prefix: [UInt8]
    private let visitor: any TreeVisitor

    init(_ queue: FolderQueue, _ bounds: MountBounds, _ prefix: [UInt8], _ visitor: any TreeVisitor) {
        self.queue = queue
        self.bounds = bounds
        self.prefix = prefix
        self.visitor = visitor
    }

    func run() {
        while let work = queue.next() {
            switch (work.task, work.folder) {
            case (.list(let index, let position), .success(let folder)):
                let (children, rest) = list(folder, index, from: position)
                queue.finish(index, children: children, position: rest)
            case (.names(let index, let names), .success(let folder)):
                var children: [[CChar]] = []
                visit(names, in: folder, index, &children)
                queue.finishNames(index, children: children)
            case (.list(let index, _), .failure(let error)):
                note(error) { self.path(index, []) }
                queue.finish(index, children: [], position: nil)
            case (.names(let index, _), .failure): queue.finishNames(index, children: [])
            }
        }
    }

    /// - Returns: names of folders that are to be walked, and where to go on if not all names were read.
    private func list(_ folder: FolderQueue.Folder, _ index: Int, from position: Int) -> ([[CChar]], Int?) {
        var children: [[CChar]] = []
        var names = FolderQueue.Names()
        do throws(SystemError) {
            let place = try folder.handle.place()
            guard bounds.contain(place) else {
                visitor.miss(.otherMount) { self.path(index, []) }
                return ([], nil)
            }
            if position == 0 { visitor.visit(folder.handle, place.status) { self.path(index, []) } }
        } catch {
            note(error) { self.path(index, []) }
            return ([], nil)
        }
        let room = queue.room
        let isDeepest = queue.depth(of: index) >= TreeWalk.maximumDepth
        do throws(SystemError) {
            let rest = try folder.handle.eachName(from: position) { name, kind in
                guard kind == Int32(DT_DIR) else {
                    names.append(name)
                    if names.count < Self.batch { return true }
                    if !queue.give(index, folder, names) { visit(names, in: folder, index, &children) }
                    names = FolderQueue.Names()
                    return !queue.isEnding && children.count < room
                }
                if isDeepest {
                    visitor.miss(.tooDeep) { self.path(index, Self.bytes(name)) }
                } else {
                    children.append(Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1)))
                }
                return children.count < room
            }
            visit(names, in: folder, index, &children)
            return (children, rest)
        } catch {
            if error.code == EACCES {
                visitor.miss(.closedFolder) { self.path(index, []) }
            } else {
                note(error) { self.path(index, []) }
            }
            visit(names, in: folder, index, &children)
            return (children, nil)
        }
    }

    /// Looks at what are probably no folders. - Parameter children: gets those that are, all the same.
    private func visit(
        _ names: FolderQueue.Names, in folder: FolderQueue.Folder, _ index: Int, _ children: inout [[CChar]]
    ) {
        var seen = 0
        names.each { name in
            if seen % Self.stride == 0, queue.isEnding {
                queue.abandon()
                return false
            }
            seen += 1
            if visit(name, in: folder, index) {
                if queue.depth(of: index) >= TreeWalk.maximumDepth {
                    visitor.miss(.tooDeep) { self.path(index, Self.bytes(name)) }
                } else {
                    children.append(Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1)))
                }
            }
            return true
        }
    }

    /// - Returns: true when it is a folder, which is still to be looked at.
    private func visit(_ name: UnsafePointer<CChar>, in folder: FolderQueue.Folder, _ index: Int) -> Bool {
        do throws(SystemError) {
            let entry = try InodeHandle(name, in: folder.handle)
            let place = try entry.place()
            if place.isFolder { return true }
            if bounds.contain(place) {
                visitor.visit(entry, place.status) { self.path(index, Self.bytes(name)) }
            } else {
                visitor.miss(.otherMount) { self.path(index, Self.bytes(name)) }
            }
        } catch {
            note(error) { self.path(index, Self.bytes(name)) }
        }
        return false
    }

    /// What vanished, or is no folder any more, is no failure.
    private func note(_ error: SystemError, _ path: () -> [UInt8]) {
        switch error.code {
        case ENOENT, ENOTDIR, ELOOP: return
        default: visitor.miss(.failed(error), path)
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
