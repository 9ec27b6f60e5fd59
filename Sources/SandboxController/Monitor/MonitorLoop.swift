import Glibc
import LinuxSystem

/// Becomes readable when this machine's clock is set or the machine wakes.
protocol ClockWatch: Sendable {
    var rawValue: Int32 { get }
    /// - Returns: whether it was since the last call.
    func take() -> Bool
}

extension ClockChangeDescriptor: ClockWatch {}

/// Waits for whatever happens next, in `poll(2)`. The main thread only.
final class MonitorLoop {
    let mailbox: Mailbox
    private let signals: SignalDescriptor
    private let channel: StartChannel
    /// nil where timers can't be had: then the guest's clock is set at hello only.
    private let clock: (any ClockWatch)?
    private var children: MachineChildren?
    private var place: StatePlace?
    /// Called when the guest's processors have stopped for good: QEMU itself takes a while yet (it gives back the guest's
    /// memory), in which what follows upon the guest's last write can be done.
    var atShutdown: () -> Void = {}
    private var machineSeen = false
    private var deviceSeen = false
    /// When the device's end is news: unless QEMU's own, which explains it, comes first.
    private var deviceNewsAt = Deadline.never

    init(channel: StartChannel, clock: (any ClockWatch)? = try? ClockChangeDescriptor()) throws(SystemError) {
        self.channel = channel
        self.clock = clock
        signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP, SIGCHLD])
        mailbox = try Mailbox()
    }

    func watch(_ children: MachineChildren) { self.children = children }
    /// Its loss is told once.
    func watch(_ place: StatePlace) { self.place = place }

    func next(deadline: Deadline) -> MonitorEvent {
        while true {
            if let event = mailbox.take() { return event }
            let qmp = children?.qmp
            var entries = [
                pollfd(fd: mailbox.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: channel.rawDescriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: machineSeen ? -1 : children?.machine.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: deviceSeen ? -1 : children?.device?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: qmp.map { $0.isOpen ? $0.rawValue : -1 } ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: clock?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: place?.watchDescriptor ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&entries, nfds_t(entries.count), min(deadline, deviceNewsAt).pollTimeout)
            if ready == 0, deviceNewsAt.hasPassed {
                deviceNewsAt = .never
                children?.firstEnd.note(.device)
                return .deviceEnded
            }
            if ready == 0 { return .deadline }
            if ready < 0 { continue }
            if entries[3].revents != 0 {
                machineSeen = true
                deviceNewsAt = .never
                children?.reapMachine()
                return .machineEnded
            }
            if entries[4].revents != 0 {
                deviceSeen = true
                children?.reapDevice()
                if !machineSeen { deviceNewsAt = .after(milliseconds: children?.patienceAfterDevice ?? 0) }
            }
            if entries[5].revents != 0, qmp?.readEvents().contains("SHUTDOWN") == true { atShutdown() }
            if entries[6].revents != 0, clock?.take() == true { mailbox.post(.clockChanged) }
            if entries[7].revents != 0, let place {
                place.drain()
                if !place.isOurs {
                    self.place = nil
                    return .stateLost
                }
            }
            if entries[2].revents != 0, channel.readRequest() { return .startCancelled }
            if entries[1].revents != 0 {
                while let signal = signals.next() {
                    if signal == SIGCHLD { reapOrphans() } else { mailbox.post(.terminated) }
                }
            }
        }
    }

    /// We are a subreaper: what QEMU or the device leave behind comes to us.
    private func reapOrphans() {
        // WNOWAIT-free and safe: the two children that matter are reaped by pidfd above, whose status would be lost
        // here, so they are left out by reaping orphans only once both have been seen.
        guard children == nil || (machineSeen && (deviceSeen || children?.device == nil)) else { return }
        while ProcessHandle.reapAny() != nil {}
    }
}
