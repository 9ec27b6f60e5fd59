import Glibc
import LinuxSystem
import Synchronization

/// Under memory pressure a command should go before the agent that can tell of it: the agent's `oom_score_adj` is low, a
/// command's is 0 (proc(5)).
///
/// A child inherits its parent's value as of its clone. Setting it in each command means looking up `/proc/<pid>`, which
/// the kernel makes for that alone (`__lookup_slow` stood out in a profile of a TCG guest), so the agent raises its own
/// for the moment of the spawn, through a descriptor that stays open.
///
/// Concurrency: any number of threads may spawn at once; the first raises, the last lowers again.
final class MemoryPriority: Sendable {
    private static let path = "/proc/self/oom_score_adj"

    private let file: FileDescriptor
    private let spawning = Mutex(0)

    /// - Returns: nil where the value can't be changed (without CAP_SYS_RESOURCE) and commands must inherit what there is.
    init?() {
        guard let file = try? FileDescriptor.open(MemoryPriority.path, O_WRONLY) else { return nil }
        guard MemoryPriority.set("-900", file) else { return nil }
        self.file = file
    }

    func spawn<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        spawning.withLock { count in
            if count == 0 { _ = MemoryPriority.set("0", file) }
            count += 1
        }
        defer {
            spawning.withLock { count in
                count -= 1
                if count == 0 { _ = MemoryPriority.set("-900", file) }
            }
        }
        return try body()
    }

    private static func set(_ text: StaticString, _ file: borrowing FileDescriptor) -> Bool {
        pwrite(file.rawValue, text.utf8Start, text.utf8CodeUnitCount, 0) > 0
    }
}
