import FoundationEssentials
import Glibc
import LinuxSystem

/// What the monitor's threads may know: the state, written by the main thread, read by those that answer questions.
final class MonitorSnapshot: @unchecked Sendable {
    private let lock = Mutex()
    private var file: StateFile
    private var machine: ProcessHandle?
    private var device: ProcessHandle?
    private var firstEnd: FirstEnd?
    private var gate: ProvisionGate?
    private var live: LiveOwnership?
    let secrets: BootSecrets
    let health = HealthKeeper()
    let name: String

    init(name: String, secrets: BootSecrets) {
        self.name = name
        self.secrets = secrets
        file = StateFile(state: .starting)
    }

    var current: StateFile {
        lock.withLock {
            guard let live else { return file }
            var told = file
            told.workspaceWatch = live.summary
            return told
        }
    }

    func update(_ change: (inout StateFile) -> Void) { lock.withLock { change(&file) } }

    func watch(_ children: MachineChildren) {
        lock.withLock {
            machine = children.machine
            device = children.device
            firstEnd = children.firstEnd
        }
    }

    func watch(_ gate: ProvisionGate) { lock.withLock { self.gate = gate } }
    func watch(_ live: LiveOwnership) { lock.withLock { self.live = live } }

    /// Waits while a returned agent is provisioned again. - Returns: whether it is.
    func waitUntilProvisioned(deadline: Deadline) -> Bool {
        lock.withLock { gate }?.wait(deadline: deadline) ?? true
    }

    /// A dying process closes its sockets (exit_files) before its pidfd tells of its end (exit_notify), and without QEMU
    /// the device closes its own: whoever lost a connection may ask in between, so a living process gets this long.
    private static let dyingMilliseconds = 300
    /// QEMU's way from closing the device's socket to its end, on a busy host; then the main thread knows which was first.
    private static let knowingMilliseconds = 12_000

    /// Why a connection to the guest may have ended, looked at now: the processes first, for they can't lie.
    func reasonForLoss() -> (text: String, advice: String) {
        let (file, machine, device, firstEnd) = lock.withLock { (self.file, self.machine, self.device, self.firstEnd) }
        let again = "Start it again with `keystone agent start --name \(name)`."
        if case .stopping = file.state { return ("sandbox \(name) is being stopped", again) }
        var first: FirstEnd.Process? = .machine
        if let machine, let firstEnd {
            var entries = [machine, device].compactMap { $0 }.map {
                pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0)
            }
            let ended = poll(&entries, nfds_t(entries.count), Int32(MonitorSnapshot.dyingMilliseconds)) > 0
            first = ended ? firstEnd.wait(deadline: .after(milliseconds: MonitorSnapshot.knowingMilliseconds)) : nil
        }
        switch first {
        case .machine: return ("the virtual machine of sandbox \(name) ended while it ran", again)
        case .device: return ("the vsock device of sandbox \(name) ended while it ran", again)
        case nil:
            return (
                "the guest agent in sandbox \(name) closed the connection while it ran",
                "The sandbox still runs; see `keystone agent status \(name)`."
            )
        }
    }
}
