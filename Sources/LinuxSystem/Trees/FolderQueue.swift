import Glibc

/// What of a tree is still to be looked at, deepest first.
///
/// Concurrency: any number of workers call `next` and then, once for each task they got, `finish` or `finishNames`;
/// everything but opening is under one lock. A worker that finds nothing to do waits until another has found something, or
/// until there is nothing left.
///
/// A folder is reached from the nearest open one above it, name by name, links never followed and `..` never used: so
/// whatever is renamed meanwhile, every folder that is handed out lies below the top and has a name of any length. Only
/// `openLimit` folders are kept open. A folder that waits costs its name and a few words; when `waitingLimit` of them wait,
/// each listing goes on only until it has found one more, and is resumed after that.
final class FolderQueue: @unchecked Sendable {
    /// A folder held open for as long as anybody works in it.
    final class Folder: Sendable {
        let handle: InodeHandle
        init(_ handle: consuming InodeHandle) { self.handle = handle }
    }

    enum Task {
        /// Read the names in a folder, from a position of `telldir(3)`.
        case list(Int, position: Int)
        /// Look at these entries of a folder.
        case names(Int, Names)
    }

    struct Work {
        let task: Task
        let folder: Result<Folder, SystemError>
    }

    private struct Node {
        var parent: Int
        /// With its NUL; empty for the top.
        var name: [CChar]
        var depth: Int
        /// Folders below that wait or are at work, and batches of names that were given away.
        var pending = 0
        var isFinished = false
        var open: Folder?
    }

    static let openLimit = 32
    static let waitingLimit = 16_384
    private static let top = 0

    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let topFolder: Folder
    private let deadline: Deadline
    private let stop: TreeWalk.Stop
    private let batchLimit: Int
    private var nodes: [Node]
    private var free: [Int] = []
    private var ready: [(index: Int, position: Int)] = [(FolderQueue.top, 0)]
    private var batches: [(index: Int, folder: Folder, names: Names)] = []
    private var working = 0
    private var waiting = 0
    private var workers = 0
    /// Nodes that have been opened, oldest first. May name a node that was freed since: closing another's folder too early
    /// costs that one a few calls, nothing more.
    private var opened: [Int] = []
    private var complete = true

    /// - Parameters:
    ///   - deadline: when it passes, `next` hands out nothing more.
    ///   - workers: how many there will be.
    init(top folder: consuming InodeHandle, deadline: Deadline, stop: TreeWalk.Stop, workers: Int) {
        topFolder = Folder(folder)
        self.deadline = deadline
        self.stop = stop
        batchLimit = 2 * workers
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

    /// Whether the time is up or somebody wants the walk to end.
    var isEnding: Bool { stop.isRequested || deadline.hasPassed }
    var isComplete: Bool { locked { complete } }

    /// How many folders one listing may find before it is to be interrupted.
    var room: Int { locked { max(1, Self.waitingLimit / 4 - ready.count / 4) } }

    /// Something to do, its folder open; nil when all is done or the walk ends early.
    func next() -> Work? {
        let found: (task: Task, folder: Folder?, way: Way)? = locked {
            waiting += 1
            while ready.isEmpty && batches.isEmpty && working > 0 { pthread_cond_wait(changed, lock) }
            waiting -= 1
            if isEnding && !(ready.isEmpty && batches.isEmpty) { drop() }
            if let batch = batches.popLast() {
                working += 1
                return (.names(batch.index, batch.names), batch.folder, Way(start: batch.folder, steps: []))
            }
            guard let (index, position) = ready.popLast() else { return nil }
            working += 1
            return (.list(index, position: position), nil, way(to: index))
        }
        guard let found else { return nil }
        if let folder = found.folder { return Work(task: found.task, folder: .success(folder)) }
        return Work(task: found.task, folder: open(found.way))
    }

    /// Gives entries of a folder to a worker that has nothing to do. - Returns: false when there is none.
    func give(_ index: Int, _ folder: Folder, _ names: Names) -> Bool {
        locked {
            guard waiting > batches.count, batches.count < batchLimit else { return false }
            batches.append((index, folder, names))
            nodes[index].pending += 1
            pthread_cond_signal(changed)
            return true
        }
    }

    /// Ends the work on a folder, or interrupts it.
    /// - Parameters:
    ///   - children: names of the folders found in it, each with its NUL.
    ///   - position: where to go on; nil when it has been read to its end.
    func finish(_ index: Int, children: [[CChar]], position: Int?) {
        locked {
            working -= 1
            if let position { ready.append((index, position)) } else { nodes[index].isFinished = true }
            add(children, to: index)
            release(index)
            pthread_cond_broadcast(changed)
        }
    }

    /// Ends the work on entries that were given away.
    func finishNames(_ index: Int, children: [[CChar]]) {
        locked {
            working -= 1
            nodes[index].pending -= 1
            add(children, to: index)
            release(index)
            pthread_cond_broadcast(changed)
        }
    }

    /// Says that something was left, since the walk ends early.
    func abandon() { locked { drop() } }

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

    // MARK: Opening

    /// From an open folder down to another.
    private struct Way {
        let start: Folder
        let steps: [(index: Int, name: [CChar])]
    }

    /// Under the lock.
    private func way(to index: Int) -> Way {
        var missing: [(index: Int, name: [CChar])] = []
        var next = index
        while next != Self.top, nodes[next].open == nil {
            missing.append((next, nodes[next].name))
            next = nodes[next].parent
        }
        return Way(start: nodes[next].open ?? topFolder, steps: missing.reversed())
    }

    /// Without the lock, since each step is a round trip on a 9p mount. The nodes on the way stay, as they wait for the last.
    private func open(_ way: Way) -> Result<Folder, SystemError> {
        var folder = way.start
        for step in way.steps {
            do throws(SystemError) {
                let parent = folder
                folder = try Self.open(step.name, in: parent)
            } catch {
                return .failure(error)
            }
            locked {
                nodes[step.index].open = folder
                opened.append(step.index)
                if opened.count > Self.openLimit { nodes[opened.removeFirst()].open = nil }
            }
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

    // MARK: Under the lock

    private func drop() {
        complete = false
        ready = []
        batches = []
        pthread_cond_broadcast(changed)
    }

    private func add(_ children: [[CChar]], to index: Int) {
        // What is found after the end is left.
        guard complete || children.isEmpty else { return }
        nodes[index].pending += children.count
        let depth = nodes[index].depth + 1
        for name in children {
            let node = Node(parent: index, name: name, depth: depth)
            if let slot = free.popLast() {
                nodes[slot] = node
                ready.append((slot, 0))
            } else {
                ready.append((nodes.count, 0))
                nodes.append(node)
            }
        }
    }

    /// Frees a node that nobody needs any more, and those above it that waited for it alone.
    private func release(_ index: Int) {
        var next = index
        while next != Self.top, nodes[next].isFinished, nodes[next].pending == 0 {
            let parent = nodes[next].parent
            nodes[next] = Node(parent: -1, name: [], depth: 0)
            free.append(next)
            nodes[parent].pending -= 1
            next = parent
        }
    }
}
