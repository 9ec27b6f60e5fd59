import Glibc

/// Whether limits of memory and processors can be set for a sandbox.
enum ControlGroupCheck {
    private static let needed = ["cpu", "memory"]

    static func delegation(_ host: DoctorHost) -> Finding {
        let meaning = "`--memory-limit` and `--cpu-limit` can't be kept; sandboxes work without."
        guard host.exists("/sys/fs/cgroup/cgroup.controllers") else {
            return .note(
                "cgroups", "cgroup v2 is not mounted at /sys/fs/cgroup", meaning,
                fix: "Boot the host with systemd.unified_cgroup_hierarchy=1")
        }
        let user = "/user.slice/user-\(host.userID).slice/user@\(host.userID).service"
        let hasManager = UserManager.find(environment: host.environment, userID: host.userID, root: host.root) != nil
        let group = hasManager ? user : own(host)
        let folder = "/sys/fs/cgroup" + (group == "/" ? "" : group)
        let controllers = (host.text(folder + "/cgroup.controllers") ?? "").split(separator: " ").map(String.init)
        let lacking = needed.filter { !controllers.contains($0) }
        let delegate =
            "\(host.asRoot)mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | \(host.asRoot)tee /etc/systemd/system/user@.service.d/delegate.conf && \(host.asRoot)systemctl daemon-reload, then log in again"
        guard lacking.isEmpty else {
            return .note(
                "cgroups", "\(PrintableText.escaped(group)) has no \(lacking.joined(separator: " and no ")) controller",
                meaning,
                fix: delegate)
        }
        guard hasManager || access(host.root + folder, W_OK) == 0 else {
            return .note(
                "cgroups", "this user may not make groups below \(PrintableText.escaped(group))", meaning, fix: delegate
            )
        }
        return .ok("cgroups", "cpu and memory are delegated (\(PrintableText.escaped(group)))")
    }

    /// The `0::/…` line of cgroups(7).
    private static func own(_ host: DoctorHost) -> String {
        let lines = (host.text("/proc/self/cgroup") ?? "").split(separator: "\n")
        return lines.first { $0.hasPrefix("0::/") }.map { String($0.dropFirst(3)) } ?? "/"
    }
}
