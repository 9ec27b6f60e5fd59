import Foundation
import LinuxSystem

extension SandboxController {
    /// The truth about a sandbox: its monitor's own word where it lives; else what the state file says, unless that
    /// needs a monitor: then it ended without cleaning up, which is written down and said, and what it left is removed.
    func reconcile(_ record: SandboxRecord) -> SandboxStatus {
        let name = record.name
        if let file = askMonitor(name) { return SandboxStatus(record: record, state: file.state, file: file) }
        let told = StateFile.read(directory.stateFile(name))
        let leftovers = Leftovers(of: name, in: directory)
        guard told?.state.needsMonitor == true || leftovers.areThere else {
            return SandboxStatus(record: record, state: told?.state ?? .created, file: told)
        }
        // Nobody listens, but the lock is held: a monitor that begins or ends, or what dies of one that was killed. It is
        // a matter of milliseconds, after which there is a truth to tell.
        guard let lock = try? FileLock(path: directory.monitorLock(name), deadline: .after(milliseconds: 1_000)) else {
            let file = askMonitor(name) ?? told
            return SandboxStatus(record: record, state: file?.state ?? .created, file: file)
        }
        defer { withExtendedLifetime(lock) {} }
        leftovers.remove()
        // Read again: one may have begun and ended since.
        guard var file = StateFile.read(directory.stateFile(name)) else {
            return SandboxStatus(record: record, state: .created, file: nil)
        }
        if file.state.needsMonitor {
            file.becomeOrphan(name)
            try? file.write(directory.stateFile(name))
        }
        return SandboxStatus(record: record, state: file.state, file: file)
    }

    /// Writes down that a sandbox was stopped whose monitor could not do it any more, and removes what that left.
    func noteForcedEnd(_ name: String) {
        guard let lock = try? FileLock(path: directory.monitorLock(name), deadline: .after(milliseconds: 1_000)) else {
            return
        }
        defer { withExtendedLifetime(lock) {} }
        Leftovers(of: name, in: directory).remove()
        guard var file = StateFile.read(directory.stateFile(name)), file.state.needsMonitor else { return }
        file.becomeOrphan(name)
        (file.state, file.advice) = (.stopped, nil)
        try? file.write(directory.stateFile(name))
    }

    func askMonitor(_ name: String) -> StateFile? {
        let deadline = Deadline.after(milliseconds: 2_000)
        do throws(SystemError) {
            let client = try ControlClient(sandbox: name, in: directory, deadline: deadline)
            let answer = try? client.ask(ControlMessage(.describe), deadline: deadline)
            return answer?.text(.stateFile).flatMap { StateFile.decoding(Array($0.utf8)) }
        } catch { return nil }
    }
}

extension StateFile {
    /// What is true once a monitor has ended without a word.
    mutating func becomeOrphan(_ name: String) {
        state = .error(
            code: .monitorGone,
            reason: "Its monitor ended without cleaning up (killed, or the host went down); its VM ended with it.")
        advice = "Start it again with `keystone agent start --name \(name)`."
        since = Date()
        (monitorProcess, machineProcess, deviceProcess) = (nil, nil, nil)
        if let group = controlGroup { DelegatedGroup.remove(group) }
        (unit, controlGroup) = (nil, nil)
    }
}
