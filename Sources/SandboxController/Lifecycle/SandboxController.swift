import FoundationEssentials
import Glibc
import LinuxSystem

/// The host library's front door: everything that can be done with sandboxes under one state directory. A value without
/// state of its own: the registry, the locks and the monitors are the truth, and every call looks at them first.
public struct SandboxController: Sendable {
    public let directory: StateDirectory

    public init(directory: StateDirectory) { self.directory = directory }

    // MARK: Looking

    /// Every registered sandbox, reconciled, by name.
    public func list() throws(ControllerError) -> [SandboxStatus] {
        reconcile(try Registry(directory: directory).read().sorted { $0.name < $1.name })
    }

    public func status(_ name: String) throws(ControllerError) -> SandboxStatus {
        try SandboxName.validate(name)
        return reconcile(try record(name))
    }

    func record(_ name: String) throws(ControllerError) -> SandboxRecord {
        let records = try Registry(directory: directory).read()
        guard let record = records.first(where: { $0.name == name }) else {
            throw ControllerError(
                .noSuchSandbox, "There is no sandbox named \(PrintableText.quoted(name)).",
                advice: Similarity.closest(to: name, among: records.map(\.name)).map { "Did you mean \($0)?" }
                    ?? "`keystone agent list` shows those there are.")
        }
        return record
    }

    // MARK: Starting

    /// Starts a sandbox, registering it when it is new, and returns when its agent has said hello.
    /// - Parameter cancellation: a descriptor that becomes readable when the start should be undone, or -1.
    /// - Throws: `alreadyRunning`, `imageMissing`, `noMemory`, `machineFailed`, `timeout`, `cancelled` …
    @discardableResult
    public func start(
        _ request: StartRequest, progress: any ProgressReporter, cancellation: Int32 = -1
    ) throws(ControllerError) -> SandboxStatus {
        try SandboxName.validate(request.name)
        let known = try Registry(directory: directory).read().first { $0.name == request.name }
        if let known, known.project != request.project {
            throw ControllerError(
                .sandboxExists,
                "The name \(request.name) belongs to the sandbox of \(PrintableText.quoted(known.project)).",
                advice: "Choose another with --name.")
        }
        if let known { try makeWay(for: request, known, progress) }
        let record = SandboxRecord(
            name: request.name, project: request.project, created: known?.created ?? Date(), settings: request.settings)
        try PrivateFiles.makeFolder(directory.stateFolder(request.name))
        try Registry(directory: directory).update {
            $0.removeAll { $0.name == record.name }; $0.append(record)
        }
        let channel = try MonitorProcess.spawn(
            request.name, in: directory, timeoutSeconds: request.timeoutSeconds, limits: request.settings.limits,
            progress: progress)
        // A monitor that has gone already is told by the wait below.
        var orders = StartOrders(
            environment: request.environment, git: request.git, tokens: request.tokens,
            environmentFiles: request.environmentFiles)
        orders.provisions = request.provisions
        try? orders.message.write(to: channel, deadline: .after(milliseconds: 10_000))
        let limit = Deadline.after(milliseconds: (request.timeoutSeconds + 60) * 1000)
        let answer: ControlMessage
        do throws(ControllerError) {
            answer = try StartWait.answer(channel, cancellation: cancellation, deadline: limit, progress: progress)
        } catch {
            // A monitor says why it failed and then ends; nothing of it is left when we return. (`busy` says that the lock
            // is another monitor's, which is not ours to wait for.)
            if error.code != .busy { try? waitUntilGone(request.name, deadline: .after(milliseconds: 10_000)) }
            throw error
        }
        let file = answer.text(.stateFile).flatMap { StateFile.decoding(Array($0.utf8)) }
        return SandboxStatus(record: record, state: file?.state ?? .running, file: file)
    }

    /// Nothing of an earlier boot may be left when a start begins.
    private func makeWay(for request: StartRequest, _ known: SandboxRecord, _ progress: any ProgressReporter)
        throws(ControllerError)
    {
        let status = reconcile(known)
        if status.state.needsMonitor {
            guard request.fresh else {
                throw ControllerError(
                    .alreadyRunning, "Sandbox \(request.name) is already \(status.state.word).",
                    advice: "Use `keystone agent exec \(request.name) -- COMMAND`, or start it anew with --fresh.")
            }
            progress.stage("stopping the old virtual machine")
            try stop(request.name, options: .forNow, progress: SilentProgress())
        }
        if request.fresh { try discardState(request.name) }
    }

    /// Removes everything of earlier boots but the lock, which proves that nothing of them runs.
    private func discardState(_ name: String) throws(ControllerError) {
        try PrivateFiles.makeFolder(directory.stateFolder(name))
        let lock = try FileLock(path: directory.monitorLock(name), deadline: .after(milliseconds: 10_000))
        defer { _ = lock.rawValue }  // Held to the end.
        let keep = directory.monitorLock(name).lastPathPart
        let folder = directory.stateFolder(name)
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where entry != keep {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(entry)")
        }
    }

    // MARK: Stopping

    /// Stops a sandbox; returns when every process of it has ended and every socket is gone. An ephemeral one is then removed.
    /// - Throws: `notRunning` when there is nothing to stop.
    public func stop(_ name: String, options: StopOptions, progress: any ProgressReporter) throws(ControllerError) {
        try SandboxName.validate(name)
        // Opened while it is there: a monitor that removes its sandbox removes this file.
        let lock = FileLock(existingAt: directory.monitorLock(name))
        // The guest's time, and what ending the machine by force takes (`MachineChildren.end`); then there is something
        // wrong with the monitor itself.
        let patience = options.force ? StopOptions.forcePatience : options.timeoutSeconds * 1000 + 30_000
        let deadline = Deadline.after(milliseconds: patience)
        var (isReached, isAnswered) = (false, false)
        do throws(SystemError) {
            // A monitor that listens is all the truth that is needed; everything else is asked about below.
            let client = try ControlClient(sandbox: name, in: directory, deadline: deadline)
            isReached = true
            progress.stage("stopping sandbox \(name)")
            let request = ControlMessage(.stop).with(.force, options.force ? 1 : 0)
                .with(.timeoutMilliseconds, options.timeoutSeconds * 1000).with(.keep, options.keeps ? 1 : 0)
            isAnswered = Self.ask(client, request, deadline, progress).kind == .done
        } catch {
            // It is on its way in or out, or its socket is gone: the lock tells when it is over.
            let state = try status(name).state
            guard state.needsMonitor else {
                throw ControllerError(.notRunning, "Sandbox \(name) is \(state.word), not running.")
            }
        }
        if options.force, !isAnswered {
            // One that begins or ends does not listen for a moment; one whose socket was removed never will.
            try endMonitor(name, lock, deadline: isReached ? deadline : .after(milliseconds: 5_000), progress)
        } else {
            try waitUntilGone(name, lock, deadline: isAnswered ? .after(milliseconds: 10_000) : deadline)
        }
        // Its monitor has removed it, unless that had to be killed.
        if !options.keeps, let known = try? record(name), !known.settings.persists,
            case .stopped = reconcile(known).state
        {
            try destroy(name, force: false, keepDisk: false, progress: SilentProgress())
        }
    }

    /// Ends a monitor that does not do it itself; QEMU and the device die with it (PR_SET_PDEATHSIG).
    private func endMonitor(
        _ name: String, _ lock: FileLock?, deadline: Deadline, _ progress: any ProgressReporter
    ) throws(ControllerError) {
        if (try? waitUntilGone(name, lock, deadline: deadline)) != nil { return }
        progress.warning("The monitor of sandbox \(name) does not answer, so it is killed.")
        MonitorHunt(name, in: directory).kill()
        try waitUntilGone(name, lock, deadline: .after(milliseconds: 10_000))
        noteForcedEnd(name)
    }

    /// - Parameter lock: the monitor's; nil for that which is there now. One without a file has no holder.
    private func waitUntilGone(_ name: String, _ lock: FileLock? = nil, deadline: Deadline) throws(ControllerError) {
        let lock = lock ?? FileLock(existingAt: directory.monitorLock(name))
        guard lock?.isFree(within: deadline) == false else { return }
        throw ControllerError(
            .timeout, "Processes of sandbox \(name) did not end in time.",
            advice: "Try `keystone agent stop \(name) --force`.")
    }

    /// Removes a stopped sandbox and all it kept.
    /// - Parameter keepDisk: leaves its folder (logs, workspace) where it is and only forgets the sandbox.
    public func destroy(
        _ name: String, force: Bool, keepDisk: Bool, progress: any ProgressReporter
    ) throws(ControllerError) {
        let state = try status(name).state
        if state.needsMonitor {
            guard force else {
                throw ControllerError(
                    .alreadyRunning, "Sandbox \(name) is \(state.word).",
                    advice: "Stop it first with `keystone agent stop \(name)`, or destroy it with --force.")
            }
            try stop(name, options: .forNow, progress: progress)
        }
        progress.stage("removing sandbox \(name)")
        if keepDisk { return try unregister(name) }
        var lock: FileLock?
        if access(directory.stateFolder(name), F_OK) == 0 {
            // A start that begins at this moment waits, and then finds that its folder is gone.
            lock = try FileLock(path: directory.monitorLock(name), deadline: .after(milliseconds: 10_000))
        }
        defer { withExtendedLifetime(lock) {} }
        try forget(name)
    }

    /// Removes all that there is of a sandbox whose monitor's lock the caller holds.
    ///
    /// The folder first: whatever ends this in between, the sandbox is still listed and can be destroyed again, and a full disk
    /// has room for the registry's new text once its logs are gone.
    func forget(_ name: String) throws(ControllerError) {
        try removeFolder(name)
        try unregister(name)
    }

    private func unregister(_ name: String) throws(ControllerError) {
        try Registry(directory: directory).update { $0.removeAll { $0.name == name } }
    }

    private func removeFolder(_ name: String) throws(ControllerError) {
        let folder = directory.sandboxFolder(name)
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch let error as CocoaError where error.code == .fileNoSuchFile {
            return
        } catch {
            throw ControllerError(
                .permission,
                "The folder \(PrintableText.quoted(folder)) of sandbox \(name) could not be removed: \(FileFailure.reason(error))",
                advice: "Remove it, or forget the sandbox alone with --keep-disk.")
        }
    }
}
