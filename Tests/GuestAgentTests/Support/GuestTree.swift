import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization
import Testing

@testable import GuestAgent

/// A guest's root directory in a folder, provisioned for real; its machine is a pretence.
final class GuestTree {
    let folder: String
    let machine = PretendedMachine()
    let defaults = SessionDefaults(user: "root")
    let provisioner: Provisioner

    static let ids: (user: UInt32, group: UInt32) = (41_234, 41_235)
    /// What needs root, and anybody to become.
    static var canRun: Bool { geteuid() == 0 }

    init(below parent: String = "/tmp") throws {
        folder = try TestFolder.make(below: parent)
        let root = GuestRoot(folder)
        for path in ["/etc", "/home", "/run", "/usr", "/usr/bin", "/root"] { mkdir(folder + path, 0o755) }
        try SmallFile.write(
            folder + "/etc/passwd",
            "# kept\nroot:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:/bin/false\n"
                + "sandbox:x:1000:1000:sandbox:/home/sandbox:/bin/sh\nother:x:1500:1500::/home/other:/bin/sh\n",
            flags: O_WRONLY | O_CREAT)
        try SmallFile.write(
            folder + "/etc/group", "root:x:0:\nwww:x:33:\nusers:x:100:\nsandbox:x:1000:\nother:x:1500:sandbox\n",
            flags: O_WRONLY | O_CREAT)
        try SmallFile.write(folder + "/etc/shadow", "root:*:1::::::\nsandbox:*:1::::::\n", flags: O_WRONLY | O_CREAT)
        chmod(folder + "/etc/shadow", 0o640)
        chown(folder + "/etc/shadow", 0, 42)
        chmod(folder + "/etc/passwd", 0o644)
        let users = UserDatabase(passwd: root("/etc/passwd"), group: root("/etc/group"))
        provisioner = Provisioner(
            ProvisionedGuest(root: root, machine: machine, users: users, defaults: defaults))
    }

    deinit { GuestTree.remove(folder) }

    static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in (try? SmallFile.names(in: path)) ?? [] { remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    var home: String { folder + "/home/sandbox" }
    var user: ProvisionRequest.User { .init(name: "sandbox", userID: GuestTree.ids.user, groupID: GuestTree.ids.group) }

    func run(_ step: ProvisionStep, _ request: ProvisionRequest) -> ProvisionReport.Result? {
        var request = request
        request.steps = [step]
        let results = provisioner.run(request).results
        return results.count == 1 ? results.first : nil
    }

    /// Makes the user and the home.
    func prepare() {
        _ = provisioner.run(ProvisionRequest(steps: [.user, .home], user: user))
    }

    func text(_ path: String) -> String { GuestTree.text(folder + path) }

    static func text(_ path: String) -> String {
        String(decoding: (try? SmallFile.read(path, limit: 1 << 20)) ?? [], as: UTF8.self)
    }

    func write(_ path: String, _ text: String) throws {
        try SmallFile.write(folder + path, text, flags: O_WRONLY | O_CREAT | O_TRUNC)
    }

    /// Of the thing itself where it is a link.
    func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(folder + path, &status) == 0 ? status : nil
    }

    func owner(_ path: String) -> [UInt32] { status(path).map { [$0.st_uid, $0.st_gid] } ?? [] }
    func mode(_ path: String) -> mode_t? { status(path).map { $0.st_mode & 0o7777 } }

    /// All paths below with what they are and hold, to see that nothing changed.
    func picture(_ path: String = "") -> [String] {
        ((try? SmallFile.names(in: folder + path)) ?? []).flatMap { name -> [String] in
            let below = "\(path)/\(name)"
            guard let status = status(below) else { return [] }
            let content = status.st_mode & S_IFMT == S_IFREG ? text(below) : ""
            return ["\(below) \(status.st_mode) \(status.st_uid):\(status.st_gid) \(status.st_ino) \(content)"]
                + picture(below)
        }
    }
}

/// Remembers what it was told.
final class PretendedMachine: ProvisionedMachine {
    struct State {
        var clock: UInt64 = 5_000_000_000
        var name = "old"
        var entropy: [UInt8] = []
        var refuses = false
        var memoryFolder: String?
    }
    let state = Mutex(State())

    func clock() -> UInt64 { state.withLock { $0.clock } }
    func hostName() -> String { state.withLock { $0.name } }
    func setClock(_ nanoseconds: UInt64) throws(SystemError) {
        if state.withLock({ $0.refuses }) { throw SystemError("set the clock", code: EPERM) }
        state.withLock { $0.clock = nanoseconds }
    }
    func setHostName(_ name: String) throws(SystemError) { state.withLock { $0.name = name } }
    func addEntropy(_ bytes: [UInt8]) throws(SystemError) { state.withLock { $0.entropy += bytes } }
    func provideMemory(at folder: String, options: String, executable: Bool) throws(SystemError) {
        if state.withLock({ $0.refuses }) { throw SystemError("mount memory", code: EPERM) }
        state.withLock { $0.memoryFolder = folder }
    }
}
