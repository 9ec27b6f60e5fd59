import Glibc
import Synchronization

/// A walk over every entry of a tree that other people change meanwhile.
///
/// Everything goes by descriptor: no link is followed, no other mount entered (a bind mount neither). What vanishes meanwhile
/// is no failure; what appears behind the walk's back is not seen. Memory and descriptors are bounded whatever the tree
/// looks like (see `FolderQueue`).
///
/// Concurrency: `run` works on the calling thread and as many more as there are visitors; it returns when all have ended.
public struct TreeWalk: Sendable {
    /// Folders below the top that a walk goes down. Four times what `PATH_MAX` lets anybody name; who nests deeper means
    /// no good.
    public static let maximumDepth = 8192

    /// Ends a walk early, from any thread. Each of its threads takes at most a few entries more.
    public final class Stop: Sendable {
        private let state = Atomic(false)
        public init() {}
        public func request() { state.store(true, ordering: .relaxed) }
        public var isRequested: Bool { state.load(ordering: .relaxed) }
    }

    /// Path of the top, put before those that visitors are told; empty for none.
    public var prefix: [UInt8] = []
    /// When it passes, the walk ends early.
    public var deadline = Deadline.never
    public var stop = Stop()

    public init() {}

    /// - Parameters:
    ///   - top: a folder.
    ///   - visitors: at least one; the first works on the calling thread.
    /// - Returns: whether everything was seen; false when the deadline or `stop` ended it.
    public func run(_ top: consuming InodeHandle, _ bounds: MountBounds, visitors: [any TreeVisitor]) -> Bool {
        guard let first = visitors.first else { return false }
        let queue = FolderQueue(top: top, deadline: deadline, stop: stop, workers: visitors.count)
        for visitor in visitors.dropFirst() {
            let worker = TreeWorker(queue, bounds, prefix, visitor)
            queue.workerBegins()
            do throws(SystemError) {
                try Thread.start(name: "tree-walk") {
                    worker.run()
                    queue.workerEnds()
                }
            } catch {
                // One thread does all of it, only slower.
                queue.workerEnds()
            }
        }
        TreeWorker(queue, bounds, prefix, first).run()
        queue.waitForWorkers()
        return queue.isComplete
    }
}
