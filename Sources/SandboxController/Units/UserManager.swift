import Glibc
import LinuxSystem

/// The systemd manager of whoever runs us (`systemd --user`), where there is one.
struct UserManager: Equatable, Sendable {
    /// `XDG_RUNTIME_DIR`.
    let runtimeFolder: String
    /// Whether it outlives the user's sessions (loginctl(1), `enable-linger`). True of root's own machine services too.
    let lingers: Bool

    /// It is there when its private socket takes a connection: `systemctl --user` and `systemd-run --user` use the same
    /// (`bus_connect_user_systemd` in systemd).
    /// - Parameter root: put before absolute paths of the system; for tests.
    static func find(environment: [String: String], userID: uid_t, root: String = "") -> UserManager? {
        var folder = environment["XDG_RUNTIME_DIR"] ?? ""
        if !folder.hasPrefix("/") { folder = "\(root)/run/user/\(userID)" }
        do throws(SystemError) {
            _ = try UnixSocket.connectAtOnce(to: folder + "/systemd/private")
        } catch { return nil }
        return UserManager(runtimeFolder: folder, lingers: lingers(userID, root))
    }

    private static func lingers(_ userID: uid_t, _ root: String) -> Bool {
        guard let entry = getpwuid(userID) else { return false }
        return access("\(root)/var/lib/systemd/linger/\(String(cString: entry.pointee.pw_name))", F_OK) == 0
    }
}
