import Glibc
import LinuxSystem

/// Everything that a session started: its cgroup where there is one, else its process group.
struct SessionScope: Sendable {
    let group: SessionGroup?
    /// Of the command, which leads its session and process group. Signals to the process group are only safe
    /// until the command is reaped, because the number can then be somebody else's.
    let leader: pid_t

    func signalAll(_ number: Int32) {
        if let group { group.signalAll(number) } else { kill(-leader, number) }
    }

    func killAll() {
        if let group { group.killAll() } else { kill(-leader, SIGKILL) }
    }
}
