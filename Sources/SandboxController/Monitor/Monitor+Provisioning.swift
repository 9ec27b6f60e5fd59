import AgentProtocol
import FoundationEssentials
import LinuxSystem

/// Provisioning as the monitor's main thread sees it: jobs are begun, results come back as events.
extension Monitor {
    /// Makes what runs jobs, and lets it gather while the guest boots.
    func prepareProvisioning(_ record: SandboxRecord, _ snapshot: MonitorSnapshot, _ loop: MonitorLoop) {
        guard let orders, orders.provisions else { return }
        let provisioner = Provisioner(
            ProvisionSource(record: record, directory: directory, orders: orders, vault: vault),
            endpoint: endpoint(snapshot),
            mailbox: loop.mailbox)
        provisioner.prepare(snapshot.current.shareSecurity.flatMap(SandboxSettings.ShareSecurity.init) ?? .none)
        self.provisioner = provisioner
        gate = try? ProvisionGate()
        if let gate { snapshot.watch(gate) }
    }

    func endpoint(_ snapshot: MonitorSnapshot) -> GuestConnection.Endpoint {
        GuestConnection.Endpoint(
            address: .guest(of: name, in: directory, guestCID: snapshot.current.guestCID), secrets: snapshot.secrets,
            sandbox: name)
    }

    /// Begins a job with the agent that said hello last.
    /// - Returns: false when that agent can't be provisioned; it has then been said.
    @discardableResult
    func provision(_ steps: Set<ProvisionStep>, _ cause: ProvisionJob.Cause, _ greeting: AgentGreeting?) -> Bool {
        guard let provisioner, greeting?.features.contains(.provisioning) == true else {
            if case .start = cause {
                channel.warning(
                    "The image's agent can't provision its guest, so commands run as root, without git identity and keys; build the image again with `keystone agent image build`."
                )
            }
            return false
        }
        jobNumber += 1
        provisioner.begin(ProvisionJob(number: jobNumber, steps: steps, cause: cause))
        return true
    }

    /// Takes the result of the first job of a boot.
    /// - Returns: whether the guest is ready; false when the agent went away meanwhile and will say hello again.
    /// - Throws: when nothing would work.
    func takeFirst(_ result: ProvisionResult) throws(ControllerError) -> Bool {
        guard result.job.number == jobNumber else { return false }
        switch result.records {
        case .failure(let error):
            if error.code == .agentGone { return false }
            throw ControllerError(
                error.code, "The guest of sandbox \(name) could not be provisioned: \(error.message)",
                advice: error.advice)
        case .success(let records):
            keep(result, records)
            for sentence in sentences(result, records) { channel.warning(sentence) }
            if let user = records.first(where: { $0.step == ProvisionStep.user.name && $0.failed }) {
                throw ControllerError(
                    .agentRefused,
                    "The guest of sandbox \(name) can't run commands as the right user: \(Self.reason(user)).",
                    advice: "Read \(directory.consoleLog(name)).")
            }
            return true
        }
    }

    /// Takes the result of a later job. When the agent goes away meanwhile, its return begins the next.
    func take(_ result: ProvisionResult) {
        if result.job.number == gateJob { gate?.open() }
        switch result.records {
        case .failure(let error):
            events.append(
                .provisionFailed, ["id": events.jobID(result.job.number), "reason": error.message])
            result.job.reply?.fail(error)
        case .success(let records):
            keep(result, records)
            persist()
            let sentences = sentences(result, records)
            if case .tokens(let reply) = result.job.cause {
                finish(reply, records)
            } else if case .request(let reply) = result.job.cause {
                // Failed steps are in the answer itself.
                for warning in result.warnings { reply.warning(warning) }
                let bytes = (try? JSONEncoder().encode(records)).map { Array($0) } ?? []
                reply.finish(ControlMessage(.done).with(.provisioned, bytes))
            } else {
                for sentence in sentences { channel.warning(sentence) }
            }
        }
    }

    private func keep(_ result: ProvisionResult, _ records: [ProvisionRecord]) {
        for record in records {
            events.append(
                .provision,
                [
                    "id": events.jobID(result.job.number), "step": record.step, "outcome": record.outcome,
                    "note": record.note,
                ])
        }
        snapshot?.update {
            $0.provisioned = ProvisionRecord.merged($0.provisioned ?? [], records)
            if let user = result.user { $0.guestUser = user }
            if records.contains(where: { $0.step == ProvisionStep.tokens.name && !$0.failed }) {
                $0.tokens = vault.current.names
            }
        }
    }

    /// What somebody should know who did not ask.
    private func sentences(_ result: ProvisionResult, _ records: [ProvisionRecord]) -> [String] {
        result.warnings
            + records.filter(\.failed).map {
                "Provisioning step \($0.step) failed: \(Self.reason($0))."
            }
    }

    static func reason(_ record: ProvisionRecord) -> String {
        let note = record.note.hasSuffix(".") ? String(record.note.dropLast()) : record.note
        return note.isEmpty ? "the guest gave no reason" : note
    }
}
