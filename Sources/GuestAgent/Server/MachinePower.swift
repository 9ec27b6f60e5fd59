import AgentProtocol
import Glibc

/// Asks PID 1 to end or restart the machine, by the signals that PID 1 understands.
public enum MachinePower: Sendable {
    /// Our own init, which takes the signals of sysvinit and busybox: SIGUSR2 powers off, SIGTERM restarts.
    case keystoneInit
    /// systemd(1), "Signals": SIGRTMIN+4 starts poweroff.target, SIGRTMIN+5 reboot.target.
    case systemd

    /// The variable by which our init tells the agent that it is there.
    static let initVariable = "KEYSTONE_INIT"

    /// - Returns: nil when PID 1 is neither.
    static func detect() -> MachinePower? {
        if getenv(initVariable) != nil, getppid() == 1 { return .keystoneInit }
        return access("/run/systemd/system", F_OK) == 0 ? .systemd : nil
    }

    func request(_ action: PowerRequest.Action) {
        let number: Int32
        switch (self, action) {
        case (.keystoneInit, .powerOff): number = SIGUSR2
        case (.keystoneInit, .restart): number = SIGTERM
        // glibc keeps the first two real-time signals (32, 33) to itself: SIGRTMIN is 34.
        case (.systemd, .powerOff): number = 34 + 4
        case (.systemd, .restart): number = 34 + 5
        }
        AgentLog.say("the host asked for \(action == .powerOff ? "power-off" : "a restart")")
        kill(1, number)
    }
}
