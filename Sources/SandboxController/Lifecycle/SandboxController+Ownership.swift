import AgentProtocol
import LinuxSystem

extension SandboxController {
    /// Makes the project's files belong to the guest's user: first by the host, then by the guest's agent where the sandbox
    /// runs.
    ///
    /// On a `none` share nothing is called on either side, unless the agent is to verify. On a `mapped` one it is asked for a
    /// glance (`OwnershipFix.glanceMilliseconds`), and without a limit when the host left something that the agent may be
    /// able to do, or when it is to verify. What it can't do is in the report and is no error here.
    ///
    /// At boot the agent is not asked: an entry takes it 1.5 to 4 ms under TCG, and all of provisioning may take a tenth of
    /// a boot of two seconds.
    /// - Throws: as `Ownership.fix`; `notRunning` and others when what only the agent can do was asked for.
    public func fixOwnership(
        _ name: String, _ fix: OwnershipFix, progress: any ProgressReporter
    ) throws(ControllerError) -> OwnershipReport {
        let status = try status(name)
        var report = try Ownership.fix(
            project: status.record.project, security: Ownership.security(of: status), paths: fix.paths,
            isDryRun: fix.isDryRun)
        let isRunning = if case .running = status.state { true } else { false }
        let mustAsk = fix.verifies || !fix.guestPaths.isEmpty
        guard isRunning else {
            if mustAsk {
                throw ControllerError(
                    .notRunning, "Sandbox \(name) is \(status.state.word), so its agent can't look at owners.",
                    advice: "Start it, or leave out --verify and --guest-path.")
            }
            return report
        }
        for request in Self.requests(fix, report) {
            do throws(ControllerError) {
                let endpoint = try GuestConnection.endpoint(sandbox: name, in: directory)
                let check = try GuestWalk.run(request, at: endpoint) { progress.stage("looking from the guest: \($0)") }
                if let check { report.guest.append(check) } else { try Self.refuseOldAgent(name, mustAsk) }
                if check == nil { report.guestNote = "The image's agent is too old to look at owners from the guest." }
            } catch {
                if mustAsk { throw error }
                report.guestNote = "The guest's agent could not look at owners: \(error.message)"
            }
        }
        return report
    }

    private static func refuseOldAgent(_ name: String, _ mustAsk: Bool) throws(ControllerError) {
        guard mustAsk else { return }
        throw ControllerError(
            .unsupported, "The image's agent in sandbox \(name) is too old to look at owners.",
            advice: "Build the image again with `keystone agent image build`, then start with --fresh.")
    }

    /// What the agent is to be asked for, in turn.
    static func requests(_ fix: OwnershipFix, _ report: OwnershipReport) -> [OwnershipRequest] {
        func request(_ root: [UInt8]) -> OwnershipRequest {
            OwnershipRequest(
                root: root, userID: report.owner.userID, groupID: report.owner.groupID, dryRun: fix.isDryRun)
        }
        var requests: [OwnershipRequest] = []
        let isLeft = report.problems.keys.contains(where: \.mayBeFixedInGuest)
        // In a dry run the host has left all of it, so a glance would tell the same again.
        if fix.verifies || (report.security == .mapped && !fix.isDryRun) {
            var workspace = request(GuestWalk.workspace)
            // A path that means the whole project makes the others needless.
            let paths = fix.paths.map(\.bytes)
            workspace.paths = paths.contains([]) ? [] : Array(paths.prefix(OwnershipRequest.pathCount))
            if !fix.verifies, !isLeft { workspace.limitMilliseconds = OwnershipFix.glanceMilliseconds }
            requests.append(workspace)
        }
        return requests + fix.guestPaths.map(request)
    }
}
