import AgentProtocol
import LinuxSystem

/// What happened, told to the monitor's main thread.
enum MonitorEvent {
    case agentHello(AgentGreeting)
    case agentLost
    case stop(StopOptions, ControlReply)
    /// Somebody wants these steps run.
    case provision(Set<ProvisionStep>, ControlReply)
    /// Somebody wants to see which tokens the guest has.
    case listTokens(ControlReply)
    /// Somebody wants other tokens in the guest.
    case changeTokens(TokenChange, ControlReply)
    case provisioned(ProvisionResult)
    /// The host's clock was set, or the host woke.
    case clockChanged
    /// Whoever started us changed their mind.
    case startCancelled
    /// No command has run for as long as was agreed.
    case idle
    case machineEnded
    case deviceEnded
    /// SIGTERM, SIGINT or SIGHUP to the monitor itself.
    case terminated
    /// The state folder is gone, or somebody else's.
    case stateLost
    case deadline
}

/// What the agent said of itself.
struct AgentGreeting: Sendable {
    /// Escaped; guest text.
    let softwareVersion: String
    let bootID: String
    let features: Features
    /// When it came, in nanoseconds on `CLOCK_MONOTONIC`.
    let receivedAt = Deadline.now()
}

/// Events from any thread for one thread that polls `rawValue`.
final class Mailbox: @unchecked Sendable {
    private let wake: EventDescriptor
    private let lock = Mutex()
    private var events: [MonitorEvent] = []
    var rawValue: Int32 { wake.rawValue }

    init() throws(SystemError) { wake = try EventDescriptor() }

    func post(_ event: MonitorEvent) {
        lock.withLock { events.append(event) }
        wake.signal()
    }

    func take() -> MonitorEvent? {
        lock.lock()
        defer { lock.unlock() }
        if events.isEmpty {
            wake.drain()
            return nil
        }
        return events.removeFirst()
    }
}
