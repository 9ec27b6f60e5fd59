import Glibc
import LinuxSystem

/// The folders of a tree that are still to be looked at, deepest first.
///
/// Concurrency: any number of workers call `next` and then, once for each folder they got, `finish`; everything is under
/// one lock. A worker that finds nothing to do waits until another finishes a folder, or until there is none left.
///
/// A folder is reached from the nearest open one above it, name by name, links never followed and `..` never used: so
/// whatever is renamed meanwhile, every folder that is handed out lies below the top and has a name of any length. Only
/// `openLimit` folders are kept open; a folder that waits costs its name and a few words.
final class FolderQueue: @unchecked Sendable {
    /// A folder held open for as long as anybody works in it.
    final class Folder: Sendable {
        let handle: InodeHandle
        init(_ handle: consuming InodeHandle) { self.handle = handle }
    }

    struct Work {
        let index: Int
        let folder: Result<Folder, SystemError>
    }

    private struct Node {
        var parent: Int
        /// With its NUL; empty for the top.
        var name: [CChar]
        var depth: Int
        var waitingChildren = 0
        var isFinished = false
        var open: Folder?
    }

    static let openLimit = 32
    private static let top = 0

    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let topFolder: Folder
    private let deadline: Deadline
    private var nodes: [Node]
    private var free: [Int] = []
    private var ready = [FolderQueue.top]
    private var working = 0
    private var workers = 0
    /// Nodes that have been opened, oldest first. May name a node that was freed since: closing another's folder too early
    /// costs that one a few calls, nothing more.
    private var opened: [Int] = []
    private(set) var isComplete = true

    /// - Parameter deadline: when it passes, `next` hands out nothing more.
    init(top folder: consuming InodeHandle, deadline: Deadline) {
        topFolder = Folder(folder)
        self.deadline = deadline
        nodes = [Node(parent: -1, name: [], depth: 0)]
        pthread_mutex_init(lock, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }

    /// A folder to look at, open; nil when the work is done or the time is up.
    func next() -> Work? {
        locked {
            while ready.isEmpty && working > 0 { pthread_cond_wait(changed, lock) }
            if deadline.hasPassed && !ready.isEmpty {
                isComplete = false
                ready = []
                pthread_cond_broadcast(changed)
            }
            guard let index = ready.popLast() else { return nil }
            working += 1
            return Work(index: index, folder: open(index))
        }
    }

    /// Ends the work on a folder. - Parameter children: names of the folders found in it, each with its NUL.
    func finish(_ index: Int, children: [[CChar]] = []) {
        locked {
            working -= 1
            let depth = nodes[index].depth + 1
            nodes[index].waitingChildren = children.count
            for name in children {
                let node = Node(parent: index, name: name, depth: depth)
                if let slot = free.popLast() {
                    nodes[slot] = node
                    ready.append(slot)
                } else {
                    ready.append(nodes.count)
                    nodes.append(node)
                }
            }
            nodes[index].isFinished = true
            release(index)
            pthread_cond_broadcast(changed)
        }
    }

    /// Gives up on what waits, since the time is up.
    func stop() {
        locked {
            isComplete = false
            ready = []
        }
    }

    /// How many folders lie above this one, up to the top.
    func depth(of index: Int) -> Int { locked { nodes[index].depth } }

    /// The path below the top; empty for the top itself.
    func path(of index: Int) -> [UInt8] {
        locked {
            var names: [[CChar]] = []
            var next = index
            while next > Self.top {
                names.append(nodes[next].name)
                next = nodes[next].parent
            }
            return Array(names.reversed().map { $0.dropLast().map { UInt8(bitPattern: $0) } }.joined(separator: [0x2F]))
        }
    }

    // MARK: Threads

    func workerBegins() { locked { workers += 1 } }

    func workerEnds() {
        locked {
            workers -= 1
            pthread_cond_broadcast(changed)
        }
    }

    func waitForWorkers() { locked { while workers > 0 { pthread_cond_wait(changed, lock) } } }

    // MARK: Under the lock

    private func open(_ index: Int) -> Result<Folder, SystemError> {
        var missing: [Int] = []
        var next = index
        while next != Self.top, nodes[next].open == nil {
            missing.append(next)
            next = nodes[next].parent
        }
        var folder = nodes[next].open ?? topFolder
        for step in missing.reversed() {
            do throws(SystemError) {
                let parent = folder
                folder = try Self.open(nodes[step].name, in: parent)
            } catch {
                return .failure(error)
            }
            nodes[step].open = folder
            opened.append(step)
            if opened.count > Self.openLimit { nodes[opened.removeFirst()].open = nil }
        }
        return .success(folder)
    }

    private static func open(_ name: [CChar], in parent: Folder) throws(SystemError) -> Folder {
        let result = name.withUnsafeBufferPointer { buffer -> Result<Folder, SystemError> in
            do throws(SystemError) {
                guard let base = buffer.baseAddress else { throw SystemError("open a folder", code: ENOENT) }
                return .success(Folder(try InodeHandle(base, in: parent.handle, folderOnly: true)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Frees a node that nobody needs any more, and those above it that waited for it alone.
    private func release(_ index: Int) {
        var next = index
        while next != Self.top, nodes[next].isFinished, nodes[next].waitingChildren == 0 {
            let parent = nodes[next].parent
            nodes[next] = Node(parent: -1, name: [], depth: 0)
            free.append(next)
            nodes[parent].waitingChildren -= 1
            next = parent
        }
    }
}
