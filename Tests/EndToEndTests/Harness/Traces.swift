import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// Everything on this host that belongs to one sandbox: its processes (by command line, working folder and open files),
/// its sockets, and who holds its locks.
struct Traces: CustomStringConvertible {
    struct Process: Hashable {
        let number: pid_t
        let commandLine: String
    }

    var processes: [Process] = []
    /// Paths of socket files, and bound names in `/proc/net/unix`.
    var sockets: [String] = []
    /// Locked files.
    var locks: [String] = []

    var isEmpty: Bool { processes.isEmpty && sockets.isEmpty && locks.isEmpty }
    var description: String {
        "processes \(processes.map { "\($0.number) (\($0.commandLine.prefix(200)))" }), sockets \(sockets), locks \(locks)"
    }

    static func of(_ sandbox: TestSandbox) -> Traces { Traces(folder: sandbox.directory.sandboxFolder(sandbox.name)) }

    /// - Parameter folder: of the sandbox, absolute, without links.
    init(folder: String) {
        processes = Traces.processNumbers().filter { $0 != getpid() && Traces.belongs($0, folder) }.map {
            Process(number: $0, commandLine: Traces.commandLine($0))
        }
        let files = (FileManager.default.subpaths(atPath: folder) ?? []).map { folder + "/" + $0 }
        sockets = files.filter { Traces.isSocket($0) }
        let bound = (try? String(contentsOfFile: "/proc/net/unix", encoding: .utf8)) ?? ""
        sockets += bound.split(separator: "\n").compactMap { line in
            line.range(of: folder).map { String(line[$0.lowerBound...]) }
        }
        let locked = Traces.lockedFiles()
        locks = files.filter { file in
            var status = stat()
            return stat(file, &status) == 0 && locked.contains(Traces.place(status))
        }
    }

    static func processNumbers() -> [pid_t] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
    }

    static func commandLine(_ process: pid_t) -> String {
        guard let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return "" }
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    private static func belongs(_ process: pid_t, _ folder: String) -> Bool {
        if commandLine(process).contains(folder) { return true }
        if link("/proc/\(process)/cwd").hasPrefix(folder) { return true }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []
        return files.contains { link("/proc/\(process)/fd/\($0)").hasPrefix(folder) }
    }

    private static func link(_ path: String) -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? ""
    }

    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    /// `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 708 103:01:393 0 EOF`, the sixth field being device and inode. The device
    /// counts: another run's disk in memory has the same inode numbers.
    private static func lockedFiles() -> Set<String> {
        let text = (try? String(contentsOfFile: "/proc/locks", encoding: .utf8)) ?? ""
        return Set(
            text.split(separator: "\n").compactMap { line in
                line.split(separator: " ").first { $0.split(separator: ":").count == 3 }.map(String.init)
            })
    }

    /// A file as `/proc/locks` names it: major and minor number in hexadecimal, inode (`lock_get_status` in
    /// fs/locks.c).
    private static func place(_ status: stat) -> String {
        let device = UInt64(status.st_dev)
        // makedev(3) of glibc.
        let major = (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000
        let minor = device & 0xFF | (device >> 12) & 0xFFFF_FF00
        return String(format: "%02x:%02x:%llu", major, minor, UInt64(status.st_ino))
    }
}

/// Processes that a test expects to end, watched by descriptor so that a number used again deceives nobody.
struct Witnesses {
    private let handles: [ProcessHandle]

    init(_ processes: [pid_t]) { handles = processes.compactMap { try? ProcessHandle(opening: $0) } }

    /// - Returns: those that still run when the time is up.
    func waitForEnd(within seconds: Double) -> [pid_t] {
        let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
        return handles.filter { !$0.waitForEnd(deadline: deadline) }.map(\.processID)
    }
}
