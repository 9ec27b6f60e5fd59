import LinuxSystem

extension Monitor {
    /// Called when the sandbox is ready.
    func watchIdleness(_ mailbox: Mailbox) {
        guard let snapshot, let seconds = record?.settings.idleSeconds else { return }
        guard snapshot.health.current.reports else {
            return ErrorStream.say(
                "keystone monitor: the image's agent does not tell of its sessions, so the sandbox is never stopped for idleness"
            )
        }
        do throws(SystemError) {
            try IdleWatch(snapshot.health, seconds: seconds) { mailbox.post(.idle) }.begin()
        } catch {
            ErrorStream.say("keystone monitor: the sandbox is never stopped for idleness: \(error)")
        }
    }
}
