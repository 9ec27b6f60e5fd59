import LinuxSystem

/// The guest's health as the monitor's main thread sees it: it only begins what keeps watch.
extension Monitor {
    /// Called when the sandbox is ready. Without threads or descriptors it goes on unwatched, which is said.
    func watchHealth() {
        guard let snapshot else { return }
        do throws(SystemError) {
            try HealthLog(keeper: snapshot.health, events: events).begin()
            try HealthProbe(endpoint(snapshot), keeper: snapshot.health).begin()
        } catch {
            ErrorStream.say("keystone monitor: the guest's health is not watched: \(error)")
        }
    }
}
