import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// Kills one process of a sandbox, once, at its instant.
///
/// Concurrency: a thread of its own waits and kills; the test tells it what runs.
final class RandomKiller: @unchecked Sendable {
    private let rig: FaultRig
    private let victim: RandomKills.Victim
    private let step: String
    private let cancelled: EventDescriptor
    private let begun: EventDescriptor
    private let finished: EventDescriptor
    private let lock = NSLock()
    // Under `lock`.
    private var command: pid_t?
    private var phase = "between"
    private var hit: String?
    private var witnesses: Witnesses?

    /// - Parameters:
    ///   - step: in which it kills, as `watch` names it.
    ///   - milliseconds: from that step's beginning.
    init(_ rig: FaultRig, _ victim: RandomKills.Victim, in step: String, after milliseconds: Int) throws {
        self.rig = rig
        self.victim = victim
        self.step = step
        cancelled = try EventDescriptor()
        begun = try EventDescriptor()
        finished = try EventDescriptor()
        try LinuxSystem.Thread.start(name: "killer") {
            if self.waits(for: self.begun, .never), self.waits(for: nil, .after(milliseconds: milliseconds)) {
                self.strike()
            }
            self.finished.signal()
        }
    }

    /// - Returns: false when it is cancelled.
    private func waits(for event: EventDescriptor?, _ deadline: Deadline) -> Bool {
        var entries = [
            pollfd(fd: cancelled.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: event?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&entries, 2, deadline.pollTimeout) < 0 {}
        return entries[0].revents == 0
    }

    /// What the test waits for now.
    func watch(_ process: pid_t?, _ phase: String) {
        lock.withLock { (command, self.phase) = (process, phase) }
        if phase == step { begun.signal() }
    }

    /// - Returns: in what it killed; nil where there was nobody to kill.
    func end() -> String? {
        cancelled.signal()
        var entry = pollfd(fd: finished.rawValue, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, -1) < 0 {}
        return lock.withLock { hit }
    }

    /// What dies of the killed one ends a moment after it.
    func waitForEnds() {
        guard victim != .cli, victim != .agent else { return }
        _ = lock.withLock { witnesses }?.waitForEnd(within: 20)
    }

    private func strike() {
        let processes = try? rig.processes()
        lock.lock()
        defer { lock.unlock() }
        let target: pid_t? =
            switch victim {
            case .cli: command
            case .monitor: processes?.monitor
            case .device: processes?.device
            case .machine: processes?.machine
            case .agent: nil
            }
        if victim == .agent {
            guard processes != nil, rig.machine.isArmed, let script = Fault.agent.guestScript else { return }
            hit = phase
            try? rig.machine.run(script, awaits: false)
        } else if let target {
            witnesses = processes.map { Witnesses($0.all) }
            if kill(target, SIGKILL) == 0 { hit = phase }
        }
    }
}
