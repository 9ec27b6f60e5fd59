import Foundation
import SandboxController

/// Resident memory of a process of this host, in MiB, from `/proc/PID/status` (proc(5)).
struct HostMemory {
    /// Its own: anonymous pages and pages of files.
    let own: Double
    /// Shared memory, such as a guest's.
    let shared: Double

    init(process: Int32) throws {
        let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        func value(_ key: String) -> Double { (ProbeAnswer.number(key, in: text) ?? 0) / 1024 }
        own = value("RssAnon") + value("RssFile")
        shared = value("RssShmem")
    }
}

/// A raw connection that can be kept in a list.
final class HeldConnection {
    private let connection: RawConnection
    init(_ fixture: BenchFixture, port: UInt32) throws { connection = try RawConnection(fixture, port: port) }
    func echo() throws { try connection.echo() }
}
