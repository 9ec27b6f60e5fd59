import Glibc
import LinuxSystem

/// `keystone agent health --watch --json` as a monitoring program reads it: line by line from a pipe.
final class HealthWatchPipe {
    private let process: ProcessHandle
    private let output: FileDescriptor
    private var rest = ""
    /// The last line.
    private var current = ""

    init(_ fixture: BenchFixture) throws {
        let pipe = try FileDescriptor.pipe()
        let theirs = pipe.second
        output = pipe.first
        process = try fixture.startCLI(
            ["health", BenchFixture.sandbox, "--watch", "--json"], output: theirs.rawValue)
    }

    /// Until a line, the last one that came or a later one, is as wanted.
    func wait(_ isIt: (String) -> Bool) throws {
        if !current.isEmpty, isIt(current) { return }
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            try output.waitUntilReady(Int32(POLLIN), deadline: .after(milliseconds: 30_000))
            let count = read(output.rawValue, &chunk, chunk.count)
            guard count > 0 else { throw BenchError("health --watch ended") }
            rest += String(decoding: chunk[..<count], as: UTF8.self)
            while let end = rest.firstIndex(of: "\n") {
                current = String(rest[..<end])
                rest.removeSubrange(...end)
                if isIt(current) { return }
            }
        }
    }

    func end() {
        try? process.send(SIGTERM)
        _ = try? process.reap()
    }
}
