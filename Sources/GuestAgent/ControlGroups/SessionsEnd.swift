import Glibc
import LinuxSystem

/// The end of all sessions, before a machine under systemd goes down.
///
/// The agent's service has `KillMode=process`, so that sessions outlive an agent; systemd then leaves them alone until the very
/// end, where file systems could not be unmounted because of them, and a shell that ignores SIGTERM holds up the power-off for
/// 90 seconds (seen with Debian's 252). So another service, which is stopped only when the machine is, calls this as its
/// `ExecStop=`.
public enum SessionsEnd {
    /// For programs to end by themselves, and to be gone once killed, in milliseconds: as under our own init (`MachineEnd`).
    private static let politeWait = 2000
    private static let killWait = 500

    /// - Parameter directory: the cgroup that holds the sessions' (`ControlGroupTree.sessions`).
    /// - Returns: the process's exit code.
    public static func run(_ directory: String) -> Int32 {
        // Without an agent that made it there are no sessions either.
        guard access(directory, F_OK) == 0 else { return 0 }
        do throws(SystemError) {
            let all = try SessionGroup(opening: directory)
            for group in groups(below: directory) {
                group.signalAll(SIGTERM)
                // A stopped process takes the signal once it continues.
                group.signalAll(SIGCONT)
            }
            if waitUntilEmpty(all, .after(milliseconds: politeWait)) { return 0 }
            AgentLog.say("sessions that did not end by themselves are killed")
            all.killAll()
            return waitUntilEmpty(all, .after(milliseconds: killWait)) ? 0 : 1
        } catch {
            AgentLog.say("sessions can't be ended: \(error)")
            return 1
        }
    }

    /// A session's own first, then those that it made itself.
    private static func groups(below directory: String, depth: Int = 0) -> [SessionGroup] {
        guard depth < 32, let names = try? SmallFile.names(in: directory) else { return [] }
        return names.flatMap { name -> [SessionGroup] in
            let path = directory + "/" + name
            guard let group = try? SessionGroup(opening: path) else { return [] }
            return [group] + groups(below: path, depth: depth + 1)
        }
    }

    private static func waitUntilEmpty(_ group: SessionGroup, _ deadline: Deadline) -> Bool {
        var entry = pollfd(fd: group.events.rawValue, events: Int16(POLLPRI), revents: 0)
        // Asking reads `cgroup.events`, which also clears its event.
        while group.isPopulated {
            if poll(&entry, 1, deadline.pollTimeout) == 0 { return !group.isPopulated }
        }
        return true
    }
}
