import AgentProtocol
import LinuxSystem

/// Tokens as the monitor's main thread sees them: kept in the vault, given by provisioning.
extension Monitor {
    /// Changes what the guest is to have and gives it that. Where the guest can't be reached it has the new state when its
    /// agent is back; whoever asked is told that it failed.
    func change(_ tokens: TokenChange, _ reply: ControlReply, _ greeting: AgentGreeting?) {
        let before = vault.current
        do throws(ControllerError) {
            vault.replace(with: try tokens.applied(to: before, sandbox: name))
        } catch {
            return reply.fail(error)
        }
        // The run of provisioning that gives them has the same.
        events.append(.tokens, tokens.event.merging(["id": events.jobID(jobNumber + 1)]) { old, _ in old })
        guard provision([.tokens], .tokens(reply), greeting) else {
            vault.replace(with: before)
            return reply.fail(
                ControllerError(
                    .unsupported, "The image's agent in sandbox \(name) can't take tokens.",
                    advice: "Build the image again with `keystone agent image build`, then start with --fresh."))
        }
    }

    /// Answers whoever asked for a change.
    func finish(_ reply: ControlReply, _ records: [ProvisionRecord]) {
        if let failed = records.first(where: \.failed) {
            return reply.fail(
                ControllerError(
                    .agentRefused, "The tokens of sandbox \(name) could not be changed: \(Self.reason(failed)).",
                    advice: "Try again, or start the sandbox anew."))
        }
        // File-only tokens and swap are told in the note.
        for record in records where record.outcome == "done" { reply.detail(record.note) }
        reply.finish(.listing(vault.current))
    }
}
