import AgentProtocol
import LinuxSystem

/// Runs provisioning for a monitor, whose main thread must not wait for a guest.
///
/// Concurrency: the main thread asks; each job has a thread of its own, one at a time in `turn`, and ends with exactly
/// one `provisioned` in the mailbox.
final class Provisioner: @unchecked Sendable {
    private let source: ProvisionSource
    private let endpoint: GuestConnection.Endpoint
    private let mailbox: Mailbox
    private let turn = Mutex()
    /// Under `turn`: gathered while the guest booted, used once.
    private var prepared: ProvisionPlan?
    private var wasPrepared = false

    init(_ source: ProvisionSource, endpoint: GuestConnection.Endpoint, mailbox: Mailbox) {
        self.source = source
        self.endpoint = endpoint
        self.mailbox = mailbox
    }

    /// Gathers for the first job, and makes the project's files belong to the guest's user, while the guest boots.
    func prepare(_ security: SandboxSettings.ShareSecurity) {
        // Without a thread the first job gathers itself.
        try? Thread.start(name: "gather", stackKibibytes: 512) {
            self.turn.lock()
            defer { self.turn.unlock() }
            guard !self.wasPrepared else { return }
            self.wasPrepared = true
            self.prepared = try? self.source.gather()
            if let sentence = self.fixOwnership(security) { self.prepared?.warnings.append(sentence) }
        }
    }

    /// - Returns: what is not right, for whoever starts the sandbox; it stops no start.
    private func fixOwnership(_ security: SandboxSettings.ShareSecurity) -> String? {
        do throws(ControllerError) {
            return try Ownership.fixForBoot(project: source.record.project, security: security).sentence.map {
                "\($0) `keystone agent fix-ownership \(source.record.name)` says more."
            }
        } catch {
            return error.message
        }
    }

    func begin(_ job: ProvisionJob) {
        do throws(SystemError) {
            try Thread.start(name: "provision", stackKibibytes: 512) { self.mailbox.post(.provisioned(self.run(job))) }
        } catch {
            let failure = ControllerError.system(error, doing: "Provisioning the guest")
            mailbox.post(.provisioned(ProvisionResult(job: job, records: .failure(failure))))
        }
    }

    private func run(_ job: ProvisionJob) -> ProvisionResult {
        turn.lock()
        defer { turn.unlock() }
        do throws(ControllerError) {
            wasPrepared = true
            let plan: ProvisionPlan
            if let ready = prepared { plan = ready } else { plan = try source.gather() }
            prepared = nil
            let records = try Provisioning.run(endpoint, plan, steps: job.steps)
            var result = ProvisionResult(job: job, records: .success(records))
            // What was not part of the job is no news.
            if !job.steps.isDisjoint(with: [.git, .sshKeys, .dotenv]) { result.warnings = plan.warnings }
            if records.contains(where: { $0.step == ProvisionStep.user.name && !$0.failed }) {
                result.user = GuestUser(
                    name: plan.user.name, userID: plan.user.userID, groupID: plan.user.groupID)
            }
            return result
        } catch {
            return ProvisionResult(job: job, records: .failure(error))
        }
    }
}
