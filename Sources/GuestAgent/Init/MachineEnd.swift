import Glibc
import LinuxSystem

/// The end of the machine: everybody is asked, then made, to go; then files are safe; then the power.
enum MachineEnd: Equatable {
    case powerOff, restart

    /// For programs to end by themselves, and to be gone once killed, in milliseconds.
    private static let politeWait = 2000
    private static let killWait = 500

    /// As sysvinit and busybox have it; Ctrl-Alt-Del arrives as SIGINT.
    init?(signal: Int32) {
        switch signal {
        case SIGUSR1, SIGUSR2, SIGPWR: self = .powerOff
        case SIGTERM, SIGINT: self = .restart
        default: return nil
        }
    }

    func carryOut(_ signals: SignalDescriptor) -> Never {
        InitLog.say(self == .powerOff ? "powering off" : "restarting")
        // The agent's watch of a tracepoint ends with a wait for every processor to pass through the scheduler, some 35 ms; asked
        // this way the kernel interrupts them instead (Documentation/RCU of the Linux kernel, "rcu_expedited").
        try? SmallFile.write("/sys/kernel/rcu_expedited", "1")
        kill(-1, SIGTERM)
        kill(-1, SIGCONT)
        if !MachineEnd.waitUntilAlone(signals, .after(milliseconds: MachineEnd.politeWait)) {
            kill(-1, SIGKILL)
            _ = MachineEnd.waitUntilAlone(signals, .after(milliseconds: MachineEnd.killWait))
        }
        sync()
        WorkspaceMount.detach()
        // Without ACPI the kernel can't switch the power off and would only halt (reboot(2)); QEMU runs with
        // -no-reboot, for which a restart is the end.
        if self == .powerOff, access("/sys/firmware/acpi", F_OK) == 0 { Machine.powerOff() }
        Machine.restart()
        InitLog.say("the kernel refused to end the machine")
        while true { pause() }
    }

    /// - Returns: false when the deadline passed with children left.
    private static func waitUntilAlone(_ signals: SignalDescriptor, _ deadline: Deadline) -> Bool {
        var entry = pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0)
        while true {
            while ProcessHandle.reapAny() != nil {}
            if !ProcessHandle.hasChildren { return true }
            if poll(&entry, 1, deadline.pollTimeout) == 0 { return false }
            while signals.next() != nil {}
        }
    }
}
