import FoundationEssentials
import Glibc
import LinuxSystem

/// What is checked on the host before a machine is started, so that it fails with a sentence and not halfway.
public enum Preflight {
    /// The host's memory in MiB.
    public struct Memory: Equatable, Sendable {
        public var total: Int
        public var available: Int
        public init(total: Int, available: Int) {
            self.total = total
            self.available = available
        }

        /// From `/proc/meminfo`; nil when it cannot be read.
        public static func read(_ path: String = "/proc/meminfo") -> Memory? {
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
            func value(_ key: String) -> Int? {
                let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
                return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 / 1024 }
            }
            guard let total = value("MemTotal"), let available = value("MemAvailable") else { return nil }
            return Memory(total: total, available: available)
        }
    }

    /// A guest takes memory as it touches it, so less than it may have is a reason to warn; less than it needs to boot,
    /// or more than there is at all, is one to refuse.
    /// - Returns: a warning, or nil.
    /// - Throws: `noMemory`.
    public static func checkMemory(_ mebibytes: Int, host: Memory? = .read()) throws(ControllerError) -> String? {
        guard let host else { return nil }
        guard mebibytes <= host.total else {
            throw ControllerError(
                .noMemory, "\(mebibytes) MiB of memory were asked for, and this host has \(host.total) MiB.",
                advice: "Choose less with --memory.")
        }
        guard host.available >= needed else {
            throw ControllerError(
                .noMemory,
                "Only \(host.available) MiB of memory are free on this host; a sandbox needs \(needed) MiB to boot.",
                advice: "Stop another sandbox first.")
        }
        guard mebibytes > host.available else { return nil }
        return "The sandbox may take \(mebibytes) MiB of memory, and only \(host.available) MiB are free now."
    }

    /// - Throws: `noSpace` when the file system of `folder` has less than `mebibytes` for us.
    public static func checkDisk(_ folder: String, mebibytes: Int = 64) throws(ControllerError) {
        guard let free = freeMebibytes(folder), free < mebibytes else { return }
        throw ControllerError(
            .noSpace,
            "Only \(free) MiB are free on the disk of \(PrintableText.escaped(folder)); \(mebibytes) MiB are needed.",
            advice: "Free some space and try again.")
    }

    /// What this user may still write to the file system of `folder`, in MiB; nil when nobody can tell.
    static func freeMebibytes(_ folder: String) -> Int? {
        var status = statvfs()
        // A folder that is not there yet is made later, on the file system of the one above it.
        var place = folder
        while statvfs(place, &status) != 0 {
            guard place != "/", !place.isEmpty else { return nil }
            place = place.parentPath
        }
        return (Int(status.f_bavail) * Int(status.f_frsize)) >> 20
    }

    static let needed = 512
}
