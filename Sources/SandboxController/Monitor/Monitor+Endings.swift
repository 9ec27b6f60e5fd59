/// Why a machine ended that nobody here asked to end, in words that somebody can act on.
extension Monitor {
    var again: String { "Start it again with `keystone agent start --name \(name)`." }
    private var logs: String { "\(directory.consoleLog(name)) and \(directory.monitorLog(name))" }

    /// QEMU ended and nobody here asked it to.
    func guestEnded() {
        guard let machine, machine.endedCleanly, panic == nil else { return fail(machineFailure()) }
        // The guest powered itself off or restarted, which is an end too (-no-reboot), as `poweroff` in a session does.
        finish(.stopped, event: "stopped", ["by": "guest"].merging(how) { $1 })
    }

    private var how: [String: String] { machine?.shutdownReason.map { ["how": $0] } ?? [:] }

    func machineFailure() -> ControllerError {
        if let panic {
            return ControllerError(
                .guestPanicked,
                "The kernel of sandbox \(name)'s guest panicked, which ended its VM: \(PrintableText.quoted(panic)).",
                advice:
                    "Read \(directory.consoleLog(name)); then start it again with `keystone agent start --name \(name)`."
            )
        }
        if machine?.endedCleanly == true {
            return ControllerError(
                .machineFailed,
                "The guest of sandbox \(name) powered itself off before it was ready.\(lastConsoleLine())",
                advice: "Read \(directory.consoleLog(name)).")
        }
        let end = machine?.machineEnd() ?? ""
        return ControllerError(
            .machineFailed, "The virtual machine of sandbox \(name) ended\(end).\(lastMachineLine())",
            advice: machine?.wasKilled == true
                ? "Something on this host killed it (its memory may have run out: see dmesg). \(again)"
                : "Read \(logs).")
    }

    /// What the console says of a panic. The kernel restarts the machine then (`panic=-1`), and with -no-reboot a restart
    /// is a clean end of QEMU: only the console tells it from a `reboot`. It is the guest's own text, so a guest can
    /// claim a panic; that harms nobody.
    private var panic: String? {
        guard machine?.shutdownReason != "guest-shutdown" else { return nil }
        return LogTail.lastLine(of: directory.consoleLog(name), with: "Kernel panic - not syncing")
    }

    var stateLost: ControllerError {
        ControllerError(
            .stateLost,
            "The state folder \(PrintableText.quoted(directory.stateFolder(name))) of sandbox \(name) was removed, moved or replaced while it ran, so its VM was ended.",
            advice: "The project's files are untouched. \(again)")
    }

    func lastConsoleLine() -> String {
        LogTail.lastLine(of: directory.consoleLog(name)).map {
            " The console's last line is \(PrintableText.quoted($0))."
        } ?? ""
    }

    private func lastMachineLine() -> String {
        LogTail.lastLine(of: directory.machineLog(name)).map { " QEMU says: \(PrintableText.escaped($0))" }
            ?? lastConsoleLine()
    }
}
