import FoundationEssentials
import Glibc
import LinuxSystem

/// Notes when a sandbox's logs grow (`LogTimes`), and keeps the console's from filling the disk.
///
/// Concurrency: one thread of the monitor's, which lives as long as the process does and is asleep while nothing is
/// written. QEMU writes the console byte by byte, so after each look the thread rests a little: times are true to some
/// 20 ms, and a guest that floods its console costs 50 looks a second.
///
/// The logs are written by others, through descriptors that they keep, with `O_APPEND`: a log that is too large is copied
/// aside and cut to nothing, and its writers go on at its new end. What they write in between is lost.
final class LogClock: @unchecked Sendable {
    /// Bytes at which a log becomes `….1` and begins anew.
    static let rotationSize: off_t = 16 << 20
    private static let restMilliseconds: Int32 = 20
    /// Entries of one file; a flood that needs more has its times in larger steps.
    private static let mostEntries = 16_384

    private struct Log {
        let path: String
        var size: off_t = 0
        var entries = 0
        /// Bytes that must be new for another entry.
        var step: off_t = 1
    }

    private let changes: FolderChanges
    private var logs: [Log]
    private let rotationSize: off_t

    /// - Throws: `EMFILE`, `ENOSPC`: nothing is noted then, and logs have the time of their last change.
    init(_ paths: [String], rotationSize: off_t = LogClock.rotationSize) throws(SystemError) {
        changes = try FolderChanges()
        logs = paths.map { Log(path: $0) }
        self.rotationSize = rotationSize
        for index in logs.indices {
            let path = logs[index].path
            // It must be there to be watched; who writes to it may cut it, not replace it.
            _ = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            logs[index].size = Self.size(path) ?? 0
            if logs[index].size == 0 { unlink(LogTimes.path(for: path)) }
            _ = try changes.watch(path: path, .written)
        }
    }

    /// - Returns: what ends it when signalled; nil when no thread could be started.
    static func start(_ paths: [String]) -> EventDescriptor? {
        do throws(SystemError) {
            let stopping = try EventDescriptor()
            let clock = try LogClock(paths)
            try Thread.start(name: "log-clock", stackKibibytes: 128) {
                while clock.wait(stopping) { clock.note() }
                clock.note()
            }
            return stopping
        } catch {
            ErrorStream.say("keystone monitor: the times of the console's lines are not noted: \(error)")
            return nil
        }
    }

    private func wait(_ stopping: EventDescriptor) -> Bool {
        var entries = [
            pollfd(fd: stopping.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        if poll(&entries, 1, Self.restMilliseconds) > 0 { return false }
        while poll(&entries, 2, -1) < 0 { guard errno == EINTR else { return false } }
        return entries[0].revents == 0 && entries[1].revents & Int16(POLLIN) != 0
    }

    func note() {
        _ = try? changes.read()
        let now = Int(Date().timeIntervalSince1970 * 1000)
        for index in logs.indices { note(&logs[index], now) }
    }

    private func note(_ log: inout Log, _ now: Int) {
        guard let size = Self.size(log.path) else { return }
        let times = LogTimes.path(for: log.path)
        if size < log.size {
            // It was cut, by a new boot or by ourselves.
            unlink(times)
            log = Log(path: log.path)
        }
        guard size >= log.size + log.step else { return }
        append(LogTimes.Entry(offset: Int(log.size), milliseconds: now), to: times)
        log.entries += 1
        if log.entries >= Self.mostEntries { log.step = 65536 }
        log.size = size
        if size > rotationSize { rotate(&log) }
    }

    private func rotate(_ log: inout Log) {
        let (old, times) = (log.path + ".1", LogTimes.path(for: log.path))
        do throws(SystemError) {
            try Self.copy(log.path, to: old)
            rename(times, LogTimes.path(for: old))
        } catch {
            // A full disk: what can't be kept is given up, so that there is room again.
            unlink(old)
        }
        truncate(log.path, 0)
        log = Log(path: log.path)
    }

    private func append(_ entry: LogTimes.Entry, to path: String) {
        do throws(SystemError) {
            try FileDescriptor.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, mode: 0o600).writeAll(
                Array(entry.line.utf8))
        } catch { return }  // On a full disk a log without times is better than no sandbox.
    }

    private static func size(_ path: String) -> off_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_size : nil
    }

    private static func copy(_ source: String, to target: String) throws(SystemError) {
        let from = try FileDescriptor.open(source, O_RDONLY)
        let to = try FileDescriptor.open(target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        while true {
            let count = read(from.rawValue, &buffer, buffer.count)
            if count < 0 { throw SystemError("copy a log") }
            if count == 0 { return }
            try to.writeAll(Array(buffer[..<count]))
        }
    }
}
