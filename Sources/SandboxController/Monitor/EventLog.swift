import Foundation
import Glibc
import LinuxSystem

/// `events.jsonl`: one JSON object a line, `{"time":…,"event":…,…}`, appended in single writes, so a crash loses at most
/// the last line. Any thread may call it.
final class EventLog: Sendable {
    /// Bytes at which the file becomes `events.jsonl.1` and a new one begins.
    static let rotationSize: off_t = 4 << 20
    private let path: String
    private let lock = Mutex()

    init(path: String) { self.path = path }

    func append(_ event: String, _ details: [String: String] = [:]) {
        var object = details
        object["event"] = event
        object["time"] = Date().formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let line = try? encoder.encode(object) else { return }
        lock.lock()
        defer { lock.unlock() }
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o600)
            var information = stat()
            if fstat(file.rawValue, &information) == 0, information.st_size > EventLog.rotationSize {
                rename(path, path + ".1")
                try FileDescriptor.open(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o600).writeAll(Array(line) + [10])
            } else {
                try file.writeAll(Array(line) + [10])
            }
        } catch {
            // A full disk must not stop a sandbox; the log that says so is stderr, which is monitor.log.
            ErrorStream.say("keystone monitor: event \(event) was not recorded: \(error)")
        }
    }
}
