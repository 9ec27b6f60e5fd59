import LinuxSystem

/// Who a command runs as, and what follows from it.
struct CommandUser: Equatable, Sendable {
    var name: String
    var userID: UInt32
    var groupID: UInt32
    /// Supplementary groups, exactly these.
    var groups: [UInt32] = []
    var home: String
    var shell: String
    /// `NAME=value` entries that follow from the user alone.
    let baseEnvironment: [BaseEntry]

    struct BaseEntry: Equatable, Sendable {
        let name: [UInt8]
        let entry: [UInt8]

        init(_ name: String, _ value: String) {
            self.name = Array(name.utf8)
            entry = Array("\(name)=\(value)".utf8)
        }
    }

    init(name: String, userID: UInt32, groupID: UInt32, home: String, shell: String) {
        self.name = name
        self.userID = userID
        self.groupID = groupID
        self.home = home.isEmpty ? "/" : home
        self.shell = shell.isEmpty ? "/bin/sh" : shell
        baseEnvironment = [
            BaseEntry("HOME", self.home), BaseEntry("USER", name), BaseEntry("LOGNAME", name),
            BaseEntry("SHELL", self.shell),
        ]
    }

    var identity: SpawnRequest.Identity {
        // A process belongs to its own group, listed or not; initgroups(3) lists it too.
        SpawnRequest.Identity(
            userID: userID, groupID: groupID, groups: groups.contains(groupID) ? groups : [groupID] + groups)
    }
}
