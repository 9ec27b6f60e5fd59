import Glibc
import LinuxSystem

/// Where in the cgroup v2 hierarchy the agent may make groups of its own.
///
/// Our init gives the root of the hierarchy, systemd the service's own group (`Delegate=yes`). The agent moves itself to
/// `agent` and keeps its sessions under `sessions`, since a group with controllers may hold no processes itself.
struct ControlGroupTree: Sendable {
    static let mountPoint = "/sys/fs/cgroup"

    /// The directory that session groups are made in.
    let sessions: String

    /// - Parameter base: where to make `agent` and `sessions`; nil to find it.
    /// - Returns: nil when there is no cgroup v2 hierarchy or none of it is ours to use.
    init?(base given: String?) {
        guard let place = given.map({ Place(base: $0, passesControllers: true) }) ?? Place.find() else { return nil }
        let base = place.base
        sessions = base + "/sessions"
        guard ControlGroupTree.make(base), ControlGroupTree.make(base + "/agent"), ControlGroupTree.make(sessions),
            access(sessions + "/cgroup.procs", W_OK) == 0,
            (try? SmallFile.write(base + "/agent/cgroup.procs", "0")) != nil
        else { return nil }
        guard place.passesControllers else { return }
        let parent = base.lastIndex(of: "/").map { String(base[..<$0]) } ?? ""
        // Each controller by itself: one that is missing must not keep the others away. The parent is not ours
        // under systemd, where it has passed down what it will.
        for directory in [parent, base, sessions] {
            for controller in ["+memory", "+pids"] {
                try? SmallFile.write(directory + "/cgroup.subtree_control", controller)
            }
        }
    }

    /// Where `agent` and `sessions` go.
    struct Place: Equatable {
        let base: String
        /// Whether sessions may have controllers, of which `memory` tells when the kernel killed one for want of memory.
        let passesControllers: Bool

        init(base: String, passesControllers: Bool) {
            self.base = base
            self.passesControllers = passesControllers
        }

        /// - Parameter own: the cgroup that the agent was started in, as `/proc/self/cgroup` has it.
        init(own: String) {
            if own == "/" || own == "/keystone/agent" {
                self.init(base: mountPoint + "/keystone", passesControllers: true)
            } else if own.hasSuffix("/agent") {
                // `DelegateSubgroup=agent` of systemd 254 has put us there already, and will the next agent.
                self.init(base: mountPoint + own.dropLast("/agent".utf8.count), passesControllers: true)
            } else {
                // An older systemd starts the next agent in this group itself, which the kernel refuses (EBUSY, "no internal
                // processes") as long as it passes controllers down to sessions that live on: seen with Debian 12's 252, whose
                // restarts then fail with 219/CGROUP for good.
                self.init(base: mountPoint + own, passesControllers: false)
            }
        }

        static func find() -> Place? {
            guard access(mountPoint + "/cgroup.controllers", F_OK) == 0,
                let text = try? SmallFile.read("/proc/self/cgroup"),
                let line = text.split(separator: UInt8(ascii: "\n")).first(where: { $0.starts(with: "0::/".utf8) })
            else { return nil }
            return Place(own: String(decoding: line.dropFirst(3), as: UTF8.self))
        }
    }

    private static func make(_ path: String) -> Bool { mkdir(path, 0o755) == 0 || errno == EEXIST }
}
