import FoundationEssentials
import SandboxController

/// A sandbox for people: one fact a line.
enum StatusText {
    static func of(
        _ status: SandboxStatus, _ directory: StateDirectory, _ style: TextStyle, health: SandboxHealth? = nil
    ) -> String {
        let (record, file, settings) = (status.record, status.file, status.record.settings)
        var rows: [(String, String)] = [("state", state(status.state, style))]
        if case .error(_, let reason) = status.state {
            rows.append(("reason", PrintableText.escaped(reason)))
            if let advice = file?.advice { rows.append(("next", PrintableText.escaped(advice))) }
        }
        if let uptime = status.uptimeSeconds { rows.append(("uptime", DurationText.text(seconds: uptime))) }
        if let health, health.verdict != nil {
            let why = HealthLines.why(health)
            rows.append(("health", HealthLines.verdict(health, style) + (why.isEmpty ? "" : ": " + why)))
        } else if let health = status.health {
            rows.append(("health", text(health, style)))
        }
        rows.append(("project", PrintableText.escaped(record.project)))
        rows.append(("machine", machine(settings, file)))
        rows.append(("network", settings.network.text))
        rows.append(
            (
                "workspace",
                "passthrough over 9p, security model \(file?.shareSecurity ?? settings.shareSecurity?.rawValue ?? "auto")"
            ))
        if let idle = settings.idleSeconds {
            rows.append(("idle stop", "after \(DurationText.text(seconds: Double(idle))) without a command"))
        }
        if !settings.persists { rows.append(("ephemeral", "removed when it stops")) }
        if !settings.limits.isEmpty { rows.append(("limits", limits(settings.limits))) }
        if let unit = status.health == nil ? nil : file?.unit {
            rows.append(("unit", PrintableText.escaped(unit) + " of the systemd user manager"))
        }
        if status.health != nil, let cid = file?.guestCID {
            rows.append(("vsock", "the kernel's vhost-vsock, context \(cid)"))
        }
        if status.health != nil { rows += share(file, style) + provisioning(file, style) }
        if !status.worktrees.isEmpty {
            rows.append(("worktrees", PrintableText.escaped(status.worktrees.joined(separator: ", "))))
        }
        rows.append(("sync", "not needed: the project's own files are shared"))
        let tokens = (status.health == nil ? nil : file?.tokens) ?? []
        rows.append(("tokens", tokens.isEmpty ? "none inside" : PrintableText.escaped(tokens.joined(separator: ", "))))
        if let image = file?.imageID ?? settings.image {
            rows.append(("image", PrintableText.escaped(String(image.prefix(12)))))
        }
        if let version = file?.agentVersion { rows.append(("agent", PrintableText.escaped(version))) }
        if let used = status.residentBytes {
            let cpu = status.cpuSeconds.map { ", \(DurationText.text(seconds: $0)) of processor time" } ?? ""
            rows.append(("used", "\(MemorySize.text(mebibytes: Int(used >> 20)))\(cpu)"))
        }
        // The machine's uptime is the sandbox's, within a boot.
        if let health { rows += HealthLines.facts(health).filter { $0.0 != "uptime" && $0.0 != "agent" } }
        rows.append(("files", PrintableText.escaped(directory.sandboxFolder(record.name))))
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map {
            "  " + style.dim($0.0 + String(repeating: " ", count: width - $0.0.count)) + "  " + $0.1 + "\n"
        }
        return style.bold(record.name) + "\n" + lines.joined()
    }

    private static func limits(_ limits: ResourceLimits) -> String {
        let memory = limits.memoryMebibytes.map { MemorySize.text(mebibytes: $0) }
        let processors = limits.processorPercent.map { "\(Double($0) / 100) of the host's processors" }
        return [memory, processors].compactMap { $0 }.joined(separator: ", ")
    }

    /// Why the workspace is shared as it is, and what keeps it right.
    private static func share(_ file: StateFile?, _ style: TextStyle) -> [(String, String)] {
        guard let file, let security = file.shareSecurity else { return [] }
        let why = file.shareReason.map { ", because " + PrintableText.escaped($0) } ?? ""
        var rows = [("share", PrintableText.escaped(security) + why)]
        if let watch = file.workspaceWatch { rows.append(("watched", text(watch, style))) }
        if security == SandboxSettings.ShareSecurity.mapped.rawValue {
            rows.append(
                (
                    "links",
                    "symbolic links can't be right on both sides of a mapped share; each is good where it was made"
                ))
        }
        return rows
    }

    private static func text(_ watch: WatchSummary, _ style: TextStyle) -> String {
        let folders = watch.folders == 1 ? "1 folder" : "\(watch.folders) folders"
        let advice = [watch.reason, watch.advice].compactMap { $0 }.map { " " + PrintableText.escaped($0) }.joined()
        return switch watch.state {
        case .beginning: style.yellow("beginning")
        case .watching: style.green(folders) + ": new files are right on both sides by themselves"
        case .partly: style.red("\(folders), and \(watch.unwatched) not.") + advice
        case .off: style.red("no.") + advice
        }
    }

    /// Who commands run as, and what is not as it should be.
    private static func provisioning(_ file: StateFile?, _ style: TextStyle) -> [(String, String)] {
        guard let file, let records = file.provisioned else { return [] }
        var rows: [(String, String)] = []
        if let user = file.guestUser {
            let why = ShareChoice.reason(forUser: user.userID)
            rows.append(("user", "\(PrintableText.escaped(user.name)) (uid \(user.userID)), because \(why)"))
        }
        let failed = records.filter(\.failed)
        if failed.isEmpty { rows.append(("provisioned", style.green("in full"))) }
        for record in failed {
            let note = PrintableText.escaped(record.note)
            rows.append(
                (
                    "provisioned",
                    style.red("\(PrintableText.escaped(record.step)) failed") + (note.isEmpty ? "" : ": " + note)
                ))
        }
        return rows
    }

    private static func text(_ health: SandboxStatus.Health, _ style: TextStyle) -> String {
        switch health {
        case .healthy: return style.green("healthy")
        case .agentLost(let since):
            return style.red("agent gone") + " for "
                + DurationText.text(seconds: max(0, Date().timeIntervalSince(since)))
        }
    }

    private static func state(_ state: SandboxState, _ style: TextStyle) -> String {
        switch state {
        case .running: style.green(state.word)
        case .error: style.red(state.word)
        case .starting, .stopping: style.yellow(state.word)
        case .created, .stopped: state.word
        }
    }

    private static func machine(_ settings: SandboxSettings, _ file: StateFile?) -> String {
        var parts = [
            MemorySize.text(mebibytes: settings.memoryMebibytes),
            settings.processors == 1 ? "1 processor" : "\(settings.processors) processors",
        ]
        if let accelerator = file?.accelerator { parts.append(PrintableText.escaped(accelerator)) }
        if settings.nested { parts.append("nested virtualization allowed") }
        return parts.joined(separator: ", ")
    }
}
