import Glibc
import LinuxSystem

/// Starts a transient unit by `systemd-run --user`, and knows when what it runs has spoken.
///
/// `systemd-run --pipe` gives its own descriptors to the unit (StandardInputFileDescriptor of systemd's bus interface), so
/// the start channel passes through it without a name that anybody could connect to and nothing could be left of.
enum UnitRunner {
    static let program = "systemd-run"
    /// Milliseconds that a manager may take to start a unit: on a machine that has just booted, a desktop comes first.
    private static let patience = 20_000

    /// - Parameters:
    ///   - request: systemd-run, with the monitor's end of the start channel as descriptor 0.
    ///   - channel: our end of it.
    /// - Returns: whether the unit runs. Where not, nothing of it is left.
    static func start(_ request: SpawnRequest, channel: borrowing FileDescriptor) throws(SystemError) -> Bool {
        let runner: ProcessHandle
        do throws(SpawnError) {
            runner = try ChildProcess.spawn(request)
        } catch {
            throw SystemError("start \(program)", code: error.code)
        }
        defer {
            // It would wait for the unit's end, which is not its business: killed, it takes nothing with it.
            try? runner.send(SIGKILL)
            _ = try? runner.reap()
        }
        let deadline = Deadline.after(milliseconds: patience)
        while true {
            var entries = [
                pollfd(fd: channel.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: runner.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&entries, 2, deadline.pollTimeout)
            if ready < 0 { continue }
            if entries[0].revents != 0 { return hasSpoken(channel) }
            return false
        }
    }

    /// Whether there is something to read, and not just the end.
    private static func hasSpoken(_ channel: borrowing FileDescriptor) -> Bool {
        var byte: UInt8 = 0
        return recv(channel.rawValue, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 1
    }
}
