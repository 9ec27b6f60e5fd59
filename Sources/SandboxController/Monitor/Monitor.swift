import AgentProtocol
import CLinux
import FoundationEssentials
import Glibc
import LinuxSystem
import VsockTransport

/// One sandbox's keeper, from boot to the last reaped process.
///
/// Concurrency: everything here runs on the main thread of the monitor process, which is also the thread that starts
/// QEMU and the device: their PDEATHSIG fires when it ends, and it ends with the process. Other threads (`ControlServer`,
/// `ReportListener`) post to the `mailbox` and read the `snapshot`.
///
/// The lock file is inherited by QEMU and the device, so it is free only when all three have ended: that is how the
/// next start knows that nothing of this one is left.
final class Monitor {
    let name: String
    let directory: StateDirectory
    let timeoutSeconds: Int
    let channel: StartChannel
    let events: EventLog
    var snapshot: MonitorSnapshot?
    var machine: MachineChildren?
    var control: ControlServer?
    var forwards: ForwardWatch?
    var reports: ReportListener?
    /// Read from the start channel before anything else; its tokens are in the vault.
    var orders: StartOrders?
    var vault = TokenVault(TokenSet())
    var provisioner: Provisioner?
    var gate: ProvisionGate?
    var live: LiveOwnership?
    var record: SandboxRecord?
    /// Of the job begun last, and of the last that the gate is closed for.
    var jobNumber = 0
    var gateJob = 0
    /// Of the agent that said hello last.
    private var greeting: AgentGreeting?
    /// The host's clock was set while the guest was being provisioned for the first time.
    private var mustSetClock = false
    private var place: StatePlace?
    /// Somebody is about to start it again.
    private var mustStay = false
    private var logClock: EventDescriptor?

    init(name: String, directory: StateDirectory, channel: consuming FileDescriptor, timeoutSeconds: Int) {
        self.name = name
        self.directory = directory
        self.timeoutSeconds = timeoutSeconds
        events = EventLog(path: directory.eventsFile(name))
        self.channel = StartChannel(channel, events: events)
    }

    /// - Returns: the exit code of the monitor process.
    func run() -> Int32 {
        do throws(ControllerError) {
            let started = Deadline.now()
            let loop = try begin()
            let greeting = try awaitReady(loop)
            becameReady(greeting, seconds: Double(Deadline.now() - started) / 1e9)
            serve(loop)
            return 0
        } catch {
            fail(error)
            return 1
        }
    }

    // MARK: Start

    private func begin() throws(ControllerError) -> MonitorLoop {
        _ = ks_process_control(PR_SET_CHILD_SUBREAPER, 1)
        let loop = try attempt { () throws(SystemError) in try MonitorLoop(channel: channel) }
        var orders = try channel.readOrders()
        vault.replace(with: orders.tokens)
        orders.tokens = TokenSet()
        self.orders = orders
        let place = StatePlace(name, in: directory, lock: try takeLock())
        self.place = place
        loop.watch(place)
        let snapshot = MonitorSnapshot(name: name, secrets: try attempt(BootSecrets.generate))
        self.snapshot = snapshot
        snapshot.update {
            $0.monitorProcess = getpid()
            $0.unit = ProcessInfo.processInfo.environment[MonitorProcess.unitVariable]
        }
        events.append(.starting, ["sandbox": name])
        Leftovers(of: name, in: directory).remove()
        try snapshot.current.write(directory.stateFile(name))
        try attempt { () throws(SystemError) in
            let health = snapshot.health
            let receipts = try ReceiptWatch()
            forwards = try ForwardWatch(events, receipts) { health.noteForwards($0) }
            control = try ControlServer(
                path: directory.controlSocket(name), snapshot: snapshot, mailbox: loop.mailbox,
                environment: orders.environment, execs: ExecWatch(events, receipts) { health.noteUse() },
                forwards: forwards)
        }
        var launcher = MachineLauncher(name: name, directory: directory, snapshot: snapshot, progress: channel)
        let plan = try launcher.plan()
        let reportPort: UInt32
        do throws(TransportError) {
            let found = try ReportListener.listen(
                plan.carrier, socket: directory.vsockSocket(name), secrets: snapshot.secrets, mailbox: loop.mailbox,
                health: snapshot.health)
            reports = found.listener
            reportPort = found.port
        } catch {
            throw ControllerError(.internal, "Listening for the guest agent failed: \(error.message)")
        }
        logClock = LogClock.start([directory.consoleLog(name), directory.machineLog(name), directory.monitorLog(name)])
        let children = try launcher.launch(plan, lock: place.lockDescriptor, reportPort: reportPort)
        machine = children
        loop.watch(children)
        loop.atShutdown = { [weak self] in self?.endWatches() }
        snapshot.watch(children)
        persist()
        record = plan.record
        prepareProvisioning(plan.record, snapshot, loop)
        channel.stage("booting the guest")
        return loop
    }

    /// What is left of an earlier boot ends by itself and is waited for; a monitor that lives is a reason to give up.
    private func takeLock() throws(ControllerError) -> FileLock {
        let deadline = Deadline.after(milliseconds: 10_000)
        while true {
            do throws(ControllerError) {
                let path = directory.monitorLock(name)
                let lock = try FileLock(path: path, deadline: min(deadline, .after(milliseconds: 250)))
                // A `destroy` that was first has removed the file that we waited for.
                if lock.isAt(path) { return lock }
                continue
            } catch {
                guard error.code == .busy, !deadline.hasPassed else { throw error }
            }
            if let file = SandboxController(directory: directory).askMonitor(name) {
                throw ControllerError(.alreadyRunning, "Sandbox \(name) is already \(file.state.word).")
            }
        }
    }

    private func attempt<Value>(_ body: () throws(SystemError) -> Value) throws(ControllerError) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw .system(error, doing: "Starting sandbox \(name)")
        }
    }

    private func awaitReady(_ loop: MonitorLoop) throws(ControllerError) -> AgentGreeting {
        let deadline = Deadline.after(milliseconds: timeoutSeconds * 1000)
        while true {
            switch loop.next(deadline: deadline) {
            case .agentHello(let new):
                if greeting == nil, new.features.contains(.provisioning) { channel.stage("provisioning the guest") }
                greeting = new
                guard orders?.provisions != false else { return new }
                guard provision(Set(ProvisionStep.allCases), .start, new) else { return new }
            case .provisioned(let result):
                if try takeFirst(result), let greeting { return greeting }
            case .provision(_, let reply), .changeTokens(_, let reply), .listTokens(let reply):
                reply.fail(ControllerError(.notRunning, "Sandbox \(name) is starting, not running."))
            // The clock in a request that is on its way already is the old one.
            case .clockChanged: mustSetClock = greeting != nil
            case .agentLost, .idle: continue
            case .startCancelled: throw ControllerError(.cancelled, "The start of sandbox \(name) was cancelled.")
            case .terminated:
                throw ControllerError(.cancelled, "The start of sandbox \(name) was ended by a signal to its monitor.")
            case .stop(let options, let reply):
                mustStay = options.keeps
                stopReplies.append(reply)
                throw ControllerError(.cancelled, "Sandbox \(name) was stopped while it started.")
            case .machineEnded: throw machineFailure()
            case .stateLost: throw stateLost
            case .deviceEnded:
                throw ControllerError(
                    .deviceFailed,
                    "The vsock device of sandbox \(name) ended during the boot\(machine?.deviceEnd() ?? "").",
                    advice: again)
            case .deadline:
                if greeting != nil {
                    throw ControllerError(
                        .timeout, "The guest of sandbox \(name) was not provisioned within \(timeoutSeconds) s.",
                        advice: "Read \(directory.consoleLog(name)), or allow more time with --timeout.")
                }
                throw ControllerError(
                    .timeout,
                    "The guest agent of sandbox \(name) did not report within \(timeoutSeconds) s.\(lastConsoleLine())",
                    advice: "Read \(directory.consoleLog(name)), or allow more time with --timeout.")
            }
        }
    }

    private func becameReady(_ greeting: AgentGreeting, seconds: Double) {
        snapshot?.update {
            $0.state = .running
            $0.since = Date()
            $0.readyAt = $0.since
            $0.readyClock = HostClock.seconds()
            $0.agentVersion = greeting.softwareVersion
        }
        // Readiness is told first and written down after: the file is a hint, this channel is what somebody waits for.
        channel.finish(ControlMessage(.done).with(.stateFile, snapshot?.current.encoded() ?? []))
        persist()
        events.append(
            "running",
            [
                "seconds": Monitor.text(seconds: seconds), "agent": greeting.softwareVersion, "boot": greeting.bootID,
                "hello": String(greeting.receivedAt),
            ])
        if mustSetClock { provision([.clock], .clockChanged, greeting) }
        if let record { watchWorkspace(record) }
        watchHealth()
    }

    /// With thousandths.
    private static func text(seconds: Double) -> String {
        let milliseconds = Int((seconds * 1000).rounded())
        return "\(milliseconds / 1000)." + String(String(1000 + milliseconds % 1000).dropFirst())
    }

    // MARK: Running

    private func serve(_ loop: MonitorLoop) {
        watchIdleness(loop.mailbox)
        while true {
            switch loop.next(deadline: .never) {
            case .agentHello(let greeting):
                self.greeting = greeting
                // Before anybody hears of it: what runs now waits for the result.
                gate?.close()
                snapshot?.update {
                    $0.agentLostAt = nil
                    $0.agentVersion = greeting.softwareVersion
                }
                persist()
                events.append("agent.returned", ["agent": greeting.softwareVersion])
                if provision(Set(ProvisionStep.allCases), .agentReturned, greeting) {
                    gateJob = jobNumber
                } else {
                    gate?.open()
                }
            case .clockChanged: provision([.clock], .clockChanged, greeting)
            case .provision(let steps, let reply):
                if !provision(steps, .request(reply), greeting) {
                    reply.fail(
                        ControllerError(
                            .unsupported, "The image's agent in sandbox \(name) can't provision its guest.",
                            advice: "Build the image again with `keystone agent image build`, then start with --fresh.")
                    )
                }
            case .listTokens(let reply): reply.finish(.listing(vault.current))
            case .changeTokens(let tokens, let reply): change(tokens, reply, greeting)
            case .provisioned(let result): take(result)
            case .agentLost:
                snapshot?.update { $0.agentLostAt = Date() }
                persist()
                events.append("agent.lost")
            case .stop(let options, let reply):
                stopReplies.append(reply)
                return stop(loop, options, progress: reply)
            case .terminated:
                return stop(loop, StopOptions(force: false, timeoutSeconds: 10), progress: SilentProgress())
            case .idle:
                return stop(loop, StopOptions(), progress: SilentProgress(), by: "idle")
            case .machineEnded: return guestEnded()
            case .stateLost: return fail(stateLost)
            case .deviceEnded:
                return fail(
                    ControllerError(
                        .deviceFailed,
                        "The vsock device of sandbox \(name) ended\(machine?.deviceEnd() ?? ""); without it nobody reaches the guest, so its VM was ended.",
                        advice: again))
            case .startCancelled, .deadline: continue
            }
        }
    }

    // MARK: Stop

    var stopReplies: [ControlReply] = []

    private func stop(
        _ loop: MonitorLoop, _ options: StopOptions, progress: any ProgressReporter, by whom: String = "request"
    ) {
        mustStay = options.keeps
        snapshot?.update {
            $0.state = .stopping
            $0.since = Date()
        }
        snapshot?.health.noteEnd()
        if let snapshot {
            machine?.end(endpoint(snapshot), loop: loop, options: options, progress: progress) {
                self.persist()
                self.events.append("stopping", ["force": String(options.force)])
            } alsoWaiting: {
                self.stopReplies.append($0)
            }
        }
        finish(.stopped, event: "stopped", ["by": whom])
    }

    func fail(_ error: ControllerError) {
        guard place != nil else {
            // Another monitor owns the state and its files.
            return channel.finish(.failure(error))
        }
        let state: SandboxState = error.code == .cancelled ? .stopped : .error(code: error.code, reason: error.message)
        finish(state, event: "failed", ["code": error.code.rawValue, "reason": error.message], failure: error)
    }

    /// Ends what still runs, removes what was made for this boot, then tells everybody who waits.
    func finish(
        _ state: SandboxState, event: EventKind, _ details: [String: String], failure: ControllerError? = nil
    ) {
        machine?.kill()
        if let group = snapshot?.current.controlGroup { DelegatedGroup.remove(group) }
        endWatch()
        snapshot?.update {
            $0.state = state
            $0.since = Date()
            $0.advice = if case .error = state { failure?.advice } else { nil }
            $0.monitorProcess = nil
            $0.machineProcess = nil
            $0.deviceProcess = nil
            $0.tokens = nil
            $0.unit = nil
            $0.controlGroup = nil
        }
        snapshot?.health.noteEnd()
        persist()
        control?.close()
        reports?.close()
        forwards?.dismiss()
        if place?.isTaken == false { Leftovers(of: name, in: directory).remove() }
        if place?.isOurs == true { events.append(event, details) }
        removeIfEphemeral(state)
        if let failure { channel.finish(.failure(failure)) }
        for reply in stopReplies { reply.finish() }
    }

    /// One that failed stays, since what it left says why.
    private func removeIfEphemeral(_ state: SandboxState) {
        guard case .stopped = state, !mustStay, record?.settings.persists == false, place?.isOurs == true else {
            return
        }
        do throws(ControllerError) {
            try SandboxController(directory: directory).forget(name)
        } catch {
            ErrorStream.say("keystone monitor: \(error)")
        }
    }

    /// While QEMU gives back the guest's memory: the guest writes nothing any more.
    private func endWatches() {
        logClock?.signal()
        endWatch()
        place?.endWatch()
    }

    /// Not where the state folder is gone or another monitor's: nothing of us is to be found there then.
    func persist() {
        guard let file = snapshot?.current, place?.isOurs ?? true else { return }
        do throws(ControllerError) {
            try file.write(directory.stateFile(name))
        } catch {
            ErrorStream.say("keystone monitor: \(error)")
        }
    }
}
