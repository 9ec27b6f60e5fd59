import Glibc
import LinuxSystem

/// What this guest needs to start a program and to wait for its end, with `/dev/null` for its streams and nothing else
/// asked for: the part of an exec that no agent can take away.
enum SpawnTimes {
    static func measure(_ count: Int, _ command: [String]) -> Never {
        do {
            let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
            let request = plain(command, nothing.rawValue)
            var times: [UInt64] = []
            for _ in 0..<count {
                let start = Deadline.now()
                let process = try ChildProcess.spawn(request)
                _ = try process.reap()
                times.append((Deadline.now() - start) / 1000)
            }
            times.sort()
            Probe.say("median=\(times[count / 2]) min=\(times[0]) p95=\(times[min(count - 1, count * 95 / 100)])\n")
            exit(0)
        } catch {
            Probe.say("keystone-guest-probe: \(error)\n", to: 2)
            exit(1)
        }
    }

    /// One start for each byte of a connection.
    static func answer(_ connection: Int32, _ command: [String]) {
        guard let nothing = try? FileDescriptor.open("/dev/null", O_RDWR) else { return }
        let request = plain(command, nothing.rawValue)
        var byte: UInt8 = 0
        while read(connection, &byte, 1) == 1 {
            guard let process = try? ChildProcess.spawn(request), (try? process.reap()) != nil else { return }
            guard write(connection, &byte, 1) == 1 else { return }
        }
    }

    private static func plain(_ command: [String], _ nothing: Int32) -> SpawnRequest {
        SpawnRequest(
            path: command[0], arguments: Array(command.dropFirst()), environment: ["PATH=/usr/bin:/bin"],
            descriptors: [nothing, nothing, nothing])
    }
}
