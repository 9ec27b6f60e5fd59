import Glibc
import LinuxSystem
import Synchronization

/// One session's cgroup. Its files stay open for as long as it is used again and again.
///
/// Concurrency: belongs to one session thread at a time, or to `GroupPool` between sessions.
final class SessionGroup: Sendable {
    let path: String
    /// For CLONE_INTO_CGROUP.
    let directory: FileDescriptor
    /// `cgroup.events`: POLLPRI when the group becomes empty or stops being so.
    let events: FileDescriptor
    /// `memory.events`: POLLPRI when the kernel killed a process of it; -1 without the memory controller.
    let memoryEvents: FileDescriptor
    private let oomKills = Atomic<UInt64>(0)
    private let kept = Atomic<Bool>(false)

    /// Marks a group that outlives the agent: detached sessions, and what commands left running.
    private static let keepAttribute = "trusted.keystone.keep"

    convenience init(creating path: String) throws(SystemError) {
        try retryingInterrupts("make cgroup \(path)") { mkdir(path, 0o755) }
        do throws(SystemError) {
            try self.init(opening: path)
        } catch {
            rmdir(path)
            throw error
        }
    }

    init(opening path: String) throws(SystemError) {
        self.path = path
        directory = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        events = try directory.open("cgroup.events", O_RDONLY)
        memoryEvents = (try? directory.open("memory.events", O_RDONLY)) ?? FileDescriptor(owning: -1)
        if directory.hasAttribute(SessionGroup.keepAttribute) { kept.store(true, ordering: .relaxed) }
        // Until it is first read, such a file polls as changed (kernfs_generic_poll).
        _ = hasNewOutOfMemoryKill()
        _ = isPopulated
    }

    var isPopulated: Bool { KernelCounter.read(events.rawValue, "populated") != 0 }

    /// Whether the kernel killed a process of this group for want of memory since this was last asked.
    func hasNewOutOfMemoryKill() -> Bool {
        guard let count = KernelCounter.read(memoryEvents.rawValue, "oom_kill") else { return false }
        return oomKills.exchange(count, ordering: .relaxed) != count
    }

    var processes: [pid_t] {
        guard let text = try? directory.open("cgroup.procs", O_RDONLY).readAll(limit: 1 << 20) else { return [] }
        return text.split(separator: UInt8(ascii: "\n")).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
    }

    func signalAll(_ number: Int32) { for process in processes where process > 0 { kill(process, number) } }

    /// Kills every process in it and below, those that fork meanwhile too (cgroup.kill, Linux 5.14).
    func killAll() {
        do throws(SystemError) {
            let file = try directory.open("cgroup.kill", O_WRONLY)
            try file.writeAll([UInt8(ascii: "1")])
        } catch {
            signalAll(SIGKILL)
        }
    }

    func markKept() {
        kept.store(true, ordering: .relaxed)
        try? directory.setAttribute(SessionGroup.keepAttribute, to: [1])
    }

    var isKept: Bool { kept.load(ordering: .relaxed) }

    /// Nobody made groups of his own in it. (A directory of cgroupfs has two links and one for each child.)
    var isLeaf: Bool {
        var status = stat()
        return fstat(directory.rawValue, &status) == 0 && status.st_nlink <= 2
    }

    /// Removes it with all groups below. - Returns: false while processes are in it.
    @discardableResult
    func remove() -> Bool { SessionGroup.remove(path, depth: 0) }

    private static func remove(_ path: String, depth: Int) -> Bool {
        if rmdir(path) == 0 || errno == ENOENT { return true }
        guard depth < 32, let names = try? SmallFile.names(in: path) else { return false }
        for name in names {
            var status = stat()
            let child = path + "/" + name
            if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { _ = remove(child, depth: depth + 1) }
        }
        return rmdir(path) == 0 || errno == ENOENT
    }
}

/// Lines of `name number`, as kernel files have them.
enum KernelCounter {
    static func read(_ descriptor: Int32, _ name: StaticString) -> UInt64? {
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { buffer in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            for line in buffer[..<count].split(separator: UInt8(ascii: "\n")) {
                let key = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
                guard line.count > key.count, line.starts(with: key),
                    line[line.startIndex + key.count] == UInt8(ascii: " ")
                else { continue }
                return line.dropFirst(key.count + 1).reduce(into: UInt64(0)) { $0 = $0 &* 10 &+ UInt64($1 &- 48) }
            }
            return nil
        }
    }
}
