import FoundationEssentials
import Glibc
import LinuxSystem
import Synchronization

/// `events.jsonl`: one JSON object a line, appended in single writes, so a crash loses at most the last line; what a crash or a
/// full disk tore is closed off by the next line. Any thread may call it.
final class EventLog: Sendable {
    /// Bytes at which the file becomes `events.jsonl.1` and a new one begins: so both together are bounded.
    static let rotationSize: off_t = 4 << 20
    private let path: String
    private let lock = Mutex()
    private let operations = Atomic<UInt64>(0)
    /// Names this boot in each of its events.
    let start: String

    init(path: String) {
        self.path = path
        let random =
            (try? RandomBytes.make(4)) ?? withUnsafeBytes(of: UInt32(truncatingIfNeeded: Deadline.now())) { Array($0) }
        start = random.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A new correlation id.
    func newID() -> String { "\(start)-\(operations.add(1, ordering: .relaxed).newValue)" }
    /// Of a run of provisioning.
    func jobID(_ number: Int) -> String { "\(start)-p\(number)" }

    func append(_ kind: EventKind, _ details: [String: String] = [:]) { record(kind, details.mapValues { .text($0) }) }

    func record(_ kind: EventKind, _ details: [String: EventValue]) {
        lock.lock()
        defer { lock.unlock() }
        // Under the lock, so that times never go back from line to line unless the clock does.
        let line = EventJSON.make(kind, details, time: EventJSON.time(Date()), start: start)
        do throws(SystemError) {
            let file = try open()
            var information = stat()
            if fstat(file.rawValue, &information) == 0, information.st_size > EventLog.rotationSize {
                rename(path, path + ".1")
                try open().writeAll(line)
            } else {
                try file.writeAll((EventLog.isTorn(file, information.st_size) ? [10] : []) + line)
            }
        } catch {
            // A full disk must not stop a sandbox; the log that says so is stderr, which is monitor.log.
            ErrorStream.say("keystone monitor: event \(kind.rawValue) was not recorded: \(error)")
        }
    }

    private func open() throws(SystemError) -> FileDescriptor {
        try FileDescriptor.open(path, O_RDWR | O_APPEND | O_CREAT, mode: 0o600)
    }

    /// Whether the last line has no end.
    private static func isTorn(_ file: borrowing FileDescriptor, _ size: off_t) -> Bool {
        var last: UInt8 = 10
        return size > 0 && pread(file.rawValue, &last, 1, size - 1) == 1 && last != 10
    }
}
