import Foundation
import Glibc
import LinuxSystem

/// Looks for byte strings in files of the host, and in the command line and environment of every process but this one.
enum HostSearch {
    /// - Returns: `FILE` for each file below `roots` that holds one of them, and each process's `/proc/N/…` that does.
    static func find(_ needles: [[UInt8]], below roots: [String]) -> Set<String> {
        var places = roots.flatMap { root in
            [root]
                + (FileManager.default.enumerator(atPath: root)?.compactMap { ($0 as? String).map { "\(root)/\($0)" } }
                    ?? [])
        }
        for process in Traces.processNumbers() where process != getpid() {
            places += ["/proc/\(process)/cmdline", "/proc/\(process)/environ"]
        }
        return Set(places.filter { place in needles.contains { holds(place, $0) } })
    }

    /// A link is not followed, and what has gone holds nothing. Sockets, FIFOs and devices are no storage.
    private static func holds(_ path: String, _ needle: [UInt8]) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let data = try? Data(
                contentsOf: URL(fileURLWithPath: path), options: path.hasPrefix("/proc/") ? [] : .alwaysMapped)
        else { return false }
        return data.withUnsafeBytes { ByteSearch.contains($0, needle) }
    }

    /// Where this host puts what is left of crashed processes, apart from their working folders (core(5)).
    static var coreFolders: [String] {
        let pattern = (try? String(contentsOfFile: "/proc/sys/kernel/core_pattern", encoding: .utf8)) ?? ""
        let own = pattern.hasPrefix("/") ? [(pattern as NSString).deletingLastPathComponent] : []
        return own
            + ["/var/lib/systemd/coredump", "/var/crash", "/var/lib/apport", "/dev/shm", "/run"].filter {
                access($0, F_OK) == 0
            }
    }
}

/// The same in a guest, by a program there that gets the strings on its stdin.
enum GuestSearch {
    /// - Returns: what was found where: the needle's place in the list, and the path.
    static func find(_ needles: [[UInt8]], in sandbox: TestSandbox) throws -> [(needle: Int, path: String)] {
        let digits = needles.map { $0.map { String(format: "%02x", $0) }.joined() + "\n" }.joined()
        let finished = try sandbox.exec(
            ["keystone-guest-probe", "search"], options: ["-i", "--no-tokens", "-u", "root"],
            input: .bytes(Array(digits.utf8)), within: 240)
        guard finished.code == 0, let last = finished.lines.last, last.hasPrefix("looked at ") else {
            throw Complaint("The search in the guest did not end well: \(finished)")
        }
        return try finished.lines.dropLast().map { line in
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let needle = Int(words[0]) else { throw Complaint("\(line)") }
            return (needle, String(words[1]))
        }
    }
}
