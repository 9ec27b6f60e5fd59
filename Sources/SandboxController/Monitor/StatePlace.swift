import Glibc
import LinuxSystem

/// The monitor's own folder, and whether it is still there: somebody may remove or move the state directory while the
/// sandbox runs. Its sockets are out of everybody's reach then, so the machine would run on with nobody to stop it.
///
/// Concurrency: the monitor's main thread.
final class StatePlace {
    private let lock: FileLock
    private let path: String
    /// nil where nothing can be watched: then the loss is noticed when the sandbox is stopped.
    private var watch: Watch?

    /// For QEMU and the device to inherit.
    var lockDescriptor: Int32 { lock.rawValue }
    /// Readable after something has happened to the folder, the lock in it, or a folder above; -1 without a watch.
    var watchDescriptor: Int32 { watch?.descriptor.rawValue ?? -1 }

    /// - Parameter lock: the monitor's own.
    init(_ name: String, in directory: StateDirectory, lock: FileLock) {
        self.lock = lock
        path = directory.monitorLock(name)
        let folders = [directory.stateFolder(name), directory.sandboxFolder(name), directory.root]
        watch = try? Watch(file: path, folders: folders + [Folder.parent(of: folders[1]) ?? directory.root])
    }

    /// Whether what is at our paths is ours.
    var isOurs: Bool { lock.isAt(path) }

    /// Whether another monitor may be at work at our paths: then nothing there is ours to remove.
    var isTaken: Bool { !isOurs && access(path, F_OK) == 0 }

    /// Nothing is told any more. Closing an inotify descriptor takes up to 20 ms (the kernel waits until nobody looks at its
    /// marks any more), which a process that exits with it open takes longer to end.
    func endWatch() { watch = nil }

    /// Takes what the watch has to tell.
    func drain() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while read(watchDescriptor, &bytes, bytes.count) > 0 {}
    }

    private final class Watch {
        let descriptor: FileDescriptor

        /// An unlinked file tells IN_ATTRIB (its number of links), even while it is open; IN_DELETE_SELF comes with its
        /// last descriptor's end only (inotify(7)).
        init(file: String, folders: [String]) throws(SystemError) {
            descriptor = FileDescriptor(
                owning: try retryingInterrupts("watch the state folder") {
                    inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
                })
            let raw = descriptor.rawValue
            let kinds = UInt32(IN_MOVE_SELF) | UInt32(IN_DELETE_SELF)
            try retryingInterrupts("watch \(file)") { inotify_add_watch(raw, file, kinds | UInt32(IN_ATTRIB)) }
            for folder in folders {
                try retryingInterrupts("watch \(folder)") { inotify_add_watch(raw, folder, kinds) }
            }
        }
    }
}
