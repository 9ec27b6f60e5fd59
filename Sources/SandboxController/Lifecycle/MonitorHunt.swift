import Glibc
import LinuxSystem

/// Finds and kills the monitor of a sandbox that does not answer: stopped by a debugger, or with its socket removed.
///
/// The state file's number is a hint that may be another process's by now, so the processes of this host are looked at, and
/// each by way of a descriptor that names it for ever.
struct MonitorHunt {
    private let words: [String]

    init(_ name: String, in directory: StateDirectory) {
        words = ["agent", MonitorProcess.verb, directory.root, name]
    }

    /// Kills every process whose command line is that monitor's. - Returns: how many.
    @discardableResult
    func kill() -> Int {
        var count = 0
        for number in ((try? SmallFile.names(in: "/proc")) ?? []).compactMap({ pid_t($0) }) where number != getpid() {
            // Opened before it is looked at, so that what is killed is what was seen.
            guard let process = try? ProcessHandle(opening: number), isTheOne(number) else { continue }
            if (try? process.send(SIGKILL)) != nil { count += 1 }
        }
        return count
    }

    private func isTheOne(_ number: pid_t) -> Bool {
        guard let bytes = try? AtomicFile.read("/proc/\(number)/cmdline", limit: 65536) else { return false }
        let arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).dropFirst()
        return arguments.prefix(words.count).map { String(decoding: $0, as: UTF8.self) } == words
    }
}
