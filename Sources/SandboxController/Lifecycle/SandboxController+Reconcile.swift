import FoundationEssentials
import LinuxSystem

extension SandboxController {
    /// The truth about a sandbox: its monitor's own word where it lives; else what the state file says, unless that
    /// needs a monitor: then it ended without cleaning up, which is written down and said, and what it left is removed.
    func reconcile(_ record: SandboxRecord) -> SandboxStatus {
        reconcile(record, told: askMonitor(record.name))
    }

    /// The same of many. All of their monitors are asked before the first answer is waited for: so they answer side by side,
    /// and several that hang take their two seconds together.
    func reconcile(_ records: [SandboxRecord]) -> [SandboxStatus] {
        var rest = records[...]
        var all: [SandboxStatus] = []
        while !rest.isEmpty {
            // Each question is a descriptor.
            let some = rest.prefix(100)
            rest = rest.dropFirst(some.count)
            let questions = some.map { MonitorQuestion($0.name, in: directory) }
            for (record, question) in zip(some, questions) {
                all.append(reconcile(record, told: question?.answer()))
            }
        }
        return all
    }

    /// - Parameter file: what its monitor has just answered, if there is one.
    private func reconcile(_ record: SandboxRecord, told file: StateFile?) -> SandboxStatus {
        let name = record.name
        if let file { return SandboxStatus(record: record, state: file.state, file: file) }
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

    func askMonitor(_ name: String) -> StateFile? { MonitorQuestion(name, in: directory)?.answer() }
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
