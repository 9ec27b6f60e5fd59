import LinuxSystem

extension SandboxController {
    /// How a sandbox is now, as its monitor knows it: nobody has to ask the guest.
    /// - Throws: `noSuchSandbox`; not for one that does not run, whose health is unknown.
    public func health(_ name: String) throws(ControllerError) -> SandboxHealth {
        if let answer = askForHealth(name) { return answer }
        let status = try status(name)
        return SandboxHealth(name: name, state: status.state, record: nil)
    }

    /// All registered sandboxes, by name.
    public func healthOfAll() throws(ControllerError) -> [SandboxHealth] {
        var all: [SandboxHealth] = []
        for record in try Registry(directory: directory).read().sorted(by: { $0.name < $1.name }) {
            if let answer = askForHealth(record.name) {
                all.append(answer)
            } else {
                all.append(SandboxHealth(name: record.name, state: try status(record.name).state, record: nil))
            }
        }
        return all
    }

    /// For one whose state is known already. - Returns: nil when it does not run.
    public func knownHealth(of status: SandboxStatus) -> SandboxHealth? {
        guard case .running = status.state else { return nil }
        return askForHealth(status.record.name)
    }

    /// - Returns: nil when no monitor says that the sandbox runs.
    func askForHealth(_ name: String) -> SandboxHealth? {
        guard (try? SandboxName.validate(name)) != nil else { return nil }
        let deadline = Deadline.after(milliseconds: 5_000)
        do throws(SystemError) {
            let client = try ControlClient(sandbox: name, in: directory, deadline: deadline)
            let answer = try? client.ask(ControlMessage(.health), deadline: deadline)
            guard let record = answer?.bytes(.health).flatMap({ HealthRecord(decoding: $0) }) else { return nil }
            return SandboxHealth(name: name, state: .running, record: record)
        } catch { return nil }
    }

    /// Follows a sandbox's health until `change` says that it is enough or the sandbox stops.
    /// - Parameter change: called with how it is now, and after each change; returns whether to go on.
    /// - Throws: `notRunning` when it does not run.
    public func watchHealth(_ name: String, _ change: (SandboxHealth) throws(ControllerError) -> Bool)
        throws(ControllerError)
    {
        guard let client = try? ControlClient(sandbox: name, in: directory, deadline: .after(milliseconds: 5_000))
        else {
            throw Unreachable.explain(name, in: directory)
        }
        try client.follow(ControlMessage(.watchHealth)) { (message) throws(ControllerError) in
            guard let record = message.bytes(.health).flatMap({ HealthRecord(decoding: $0) }) else { return true }
            return try change(SandboxHealth(name: name, state: .running, record: record))
        }
    }
}
