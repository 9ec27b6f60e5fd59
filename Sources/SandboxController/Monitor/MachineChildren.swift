import AgentProtocol
import Glibc
import LinuxSystem

/// QEMU and, where the kernel is not it, its vsock device, children of the monitor. The main thread only.
final class MachineChildren {
    let machine: ProcessHandle
    let device: ProcessHandle?
    let firstEnd: FirstEnd
    let qmp: QMPChannel
    private(set) var machineStatus: ExitStatus?
    private(set) var deviceStatus: ExitStatus?

    init(machine: ProcessHandle, device: ProcessHandle?, firstEnd: FirstEnd, qmp: QMPChannel) {
        self.machine = machine
        self.device = device
        self.firstEnd = firstEnd
        self.qmp = qmp
    }

    func reapMachine() {
        guard machineStatus == nil else { return }
        machineStatus = try? machine.reap().status
        _ = qmp.readEvents()
        firstEnd.note(.machine)
    }

    func reapDevice() { if deviceStatus == nil { deviceStatus = try? device?.reap().status } }

    /// Milliseconds that QEMU has to follow a device that ended before it. The device exits with 0 when QEMU closes its
    /// connection, which it does early in its own shutdown; it is killed by a signal for reasons of its own.
    var patienceAfterDevice: Int {
        switch deviceStatus {
        case .exited(0): 10_000
        case .signaled: 0
        case .exited, nil: 300
        }
    }

    var shutdownReason: String? { qmp.shutdownReason }
    var wasKilled: Bool { if case .signaled(SIGKILL, _) = machineStatus { true } else { false } }
    var endedCleanly: Bool { machineStatus == .exited(0) }
    func machineEnd() -> String { MachineChildren.words(machineStatus) }
    func deviceEnd() -> String { MachineChildren.words(deviceStatus) }

    private static func words(_ status: ExitStatus?) -> String {
        switch status {
        case .exited(let code): " with exit code \(code)"
        case .signaled(let number, _): ", killed by signal \(number)"
        case nil: ""
        }
    }

    /// Guest shutdown, then QMP, then kill; returns when QEMU is reaped.
    /// - Parameter isUnderWay: called once, when the guest has been asked or before the machine is ended without: what can be
    ///   done meanwhile, such as writing it down, costs no time.
    func end(
        _ endpoint: GuestConnection.Endpoint, loop: MonitorLoop, options: StopOptions,
        progress: any ProgressReporter, isUnderWay: () -> Void, alsoWaiting: (ControlReply) -> Void
    ) {
        if options.force { isUnderWay() }
        if !options.force {
            progress.stage("asking the guest to power off")
            let limit = Deadline.after(milliseconds: options.timeoutSeconds * 1000)
            func ask() -> Bool {
                GuestPower.request(.powerOff, endpoint: endpoint, deadline: min(limit, .after(milliseconds: 3_000)))
            }
            var isAsked = ask()
            isUnderWay()
            if !isAsked {
                progress.detail("the agent does not answer; pressing the machine's power button")
                qmp.send("system_powerdown")
            }
            // An agent that died while it was asked is another one a moment later.
            let isOver = waitForMachine(loop, limit, alsoWaiting) { if !isAsked { isAsked = ask() } }
            if isOver { return }
            progress.warning("The guest did not power off in \(options.timeoutSeconds) s.")
        }
        progress.stage("ending the virtual machine")
        qmp.send("quit")
        if waitForMachine(loop, .after(milliseconds: 3_000), alsoWaiting, {}) { return }
        kill()
    }

    private func waitForMachine(
        _ loop: MonitorLoop, _ deadline: Deadline, _ alsoWaiting: (ControlReply) -> Void, _ agentReturned: () -> Void
    ) -> Bool {
        while machineStatus == nil {
            switch loop.next(deadline: deadline) {
            case .machineEnded: return true
            case .deadline: return false
            case .stop(let options, let reply):
                alsoWaiting(reply)
                if options.force { return false }
            case .terminated, .stateLost: return false
            case .provision(_, let reply), .changeTokens(_, let reply), .listTokens(let reply):
                reply.fail(ControllerError(.notRunning, "The sandbox is being stopped."))
            case .provisioned(let result):
                result.job.reply?.fail(ControllerError(.notRunning, "The sandbox is being stopped."))
            case .agentHello: agentReturned()
            case .deviceEnded, .agentLost, .startCancelled, .clockChanged, .idle: continue
            }
        }
        return true
    }

    /// Ends and reaps both, whatever state they are in.
    func kill() {
        if machineStatus == nil {
            try? machine.send(SIGKILL)
            reapMachine()
        }
        if let device, deviceStatus == nil {
            // It ends by itself when QEMU's socket closes, having removed its own socket.
            if !device.waitForEnd(deadline: .after(milliseconds: 1_000)) { try? device.send(SIGKILL) }
            reapDevice()
        }
        while ProcessHandle.reapAny() != nil {}
    }
}
