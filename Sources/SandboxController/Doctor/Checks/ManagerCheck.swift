/// The systemd user manager, in whose care a monitor is where it runs.
enum ManagerCheck {
    static func userManager(_ host: DoctorHost) -> Finding {
        let found = UserManager.find(environment: host.environment, userID: host.userID, root: host.root)
        guard let manager = found else {
            return .note(
                "systemd", "no systemd user manager runs for this user",
                "Each sandbox's monitor looks after itself, with the same guarantees; limits of memory and processors need a delegated cgroup."
            )
        }
        guard manager.hasBus else {
            return .note(
                "systemd", "the user manager runs, without a message bus of the user's",
                "Each sandbox's monitor looks after itself, with the same guarantees.",
                fix: host.distribution.install(.bus, asRoot: host.asRoot) + ", then log in again")
        }
        guard manager.lingers else {
            return .warning(
                "systemd", "the user manager runs, and ends with your last session",
                "Your sandboxes end when you log out.", fix: "loginctl enable-linger")
        }
        return .ok("systemd", "the user manager runs, also when you are logged out")
    }
}
