import LinuxSystem

/// The watch over the workspace, from the moment the sandbox is ready until QEMU has ended.
extension Monitor {
    /// How long the watch may take to look at what happened last, in milliseconds.
    private static let lastLookMilliseconds = 2_000

    /// Nothing is watched where owners are right by construction.
    func watchWorkspace(_ record: SandboxRecord) {
        guard let snapshot, snapshot.current.shareSecurity == SandboxSettings.ShareSecurity.mapped.rawValue else {
            return
        }
        do throws(ControllerError) {
            let owner = try FileOwner.ofProject(record.project)
            try begin(record.project, owner, snapshot)
        } catch {
            snapshot.update { $0.workspaceWatch = WatchSummary(off: SystemError(error.message, code: 0)) }
        }
    }

    private func begin(_ project: String, _ owner: FileOwner, _ snapshot: MonitorSnapshot) throws(ControllerError) {
        do throws(SystemError) {
            let events = self.events
            let live = try LiveOwnership(project: project, owner: owner) { summary in
                var details = ["state": summary.state.rawValue, "folders": String(summary.folders)]
                details["reason"] = summary.reason
                events.append("workspace.watch", details)
            }
            self.live = live
            snapshot.watch(live)
        } catch {
            snapshot.update { $0.workspaceWatch = WatchSummary(off: error) }
        }
    }

    /// What the guest did last is still looked at.
    func endWatch() { live?.end(deadline: .after(milliseconds: Self.lastLookMilliseconds)) }
}
