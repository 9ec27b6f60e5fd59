import Glibc
import LinuxSystem

/// The systemd manager of whoever runs us (`systemd --user`), where there is one.
struct UserManager: Equatable, Sendable {
    /// `XDG_RUNTIME_DIR`.
    let runtimeFolder: String
    /// Whether it outlives the user's sessions (loginctl(1), `enable-linger`). True of root's own machine services too.
    let lingers: Bool

    /// Whether the session's message bus is there, which `systemd-run --pipe` needs to hear of its unit; without it the
    /// manager is told of nothing (Debian has it in dbus-user-session).
    var hasBus: Bool { access(runtimeFolder + "/bus", F_OK) == 0 }

    /// It is there when its private socket takes a connection: `systemctl --user` and `systemd-run --user` use the same
    /// (`bus_connect_user_systemd` in systemd).
    /// - Parameter root: put before absolute paths of the system; for tests.
    static func find(environment: [String: String], userID: uid_t, root: String = "") -> UserManager? {
        var folder = environment["XDG_RUNTIME_DIR"] ?? ""
        if !folder.hasPrefix("/") { folder = "\(root)/run/user/\(userID)" }
        do throws(SystemError) {
            _ = try UnixSocket.connectAtOnce(to: folder + "/systemd/private")
        } catch { return nil }
        return UserManager(runtimeFolder: folder, lingers: lingers(userID, environment, root))
    }

    private static func lingers(_ userID: uid_t, _ environment: [String: String], _ root: String) -> Bool {
        // Whoever is in no file of ours (LDAP) is at least told so by their own environment.
        guard let name = AccountNames.user(userID, root: root) ?? environment["USER"] else { return false }
        return !name.contains("/") && access("\(root)/var/lib/systemd/linger/\(name)", F_OK) == 0
    }
}
