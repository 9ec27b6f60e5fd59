import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// A guest's root in a folder, with a workspace whose files belong to several users, and a folder outside of it.
final class OwnedTree: @unchecked Sendable {
    static let wanted: (user: UInt32, group: UInt32) = (41_234, 41_235)
    static var canRun: Bool { geteuid() == 0 }
    /// Whether this process may mount.
    static let canMount: Bool = {
        guard canRun, let folder = try? TestFolder.make() else { return false }
        defer { rmdir(folder) }
        guard (try? Mount.mount("probe", on: folder, type: "tmpfs")) != nil else { return false }
        try? Mount.detach(folder)
        return true
    }()

    let folder: String
    let fixer: OwnershipFixer
    private var mounts: [String] = []

    init() throws {
        folder = try TestFolder.make()
        fixer = OwnershipFixer(GuestRoot(folder))
        for name in ["/workspace", "/outside"] { mkdir(folder + name, 0o755) }
    }

    deinit {
        for path in mounts.reversed() { try? Mount.detach(path) }
        // `rm` goes down paths of any length.
        try? Self.run("/bin/rm", "-rf", folder)
    }

    @discardableResult
    static func run(_ program: String, _ arguments: String...) throws -> Bool {
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let child = try ChildProcess.spawn(
            SpawnRequest(
                path: program, arguments: arguments, environment: [],
                descriptors: [nothing.rawValue, nothing.rawValue, nothing.rawValue]))
        return try child.reap().status == .exited(0)
    }

    func inside(_ name: String) -> String { folder + "/workspace/" + name }
    func outside(_ name: String) -> String { folder + "/outside/" + name }

    @discardableResult
    func file(_ path: String, mode: mode_t = 0o644, owner: UInt32 = 0) throws -> String {
        let made = try FileDescriptor.open(path, O_CREAT | O_WRONLY, mode: 0o600)
        fchown(made.rawValue, owner, owner)
        fchmod(made.rawValue, mode)
        return path
    }

    func mount(_ source: String, on target: String, type: String = "", bind: Bool = false) throws {
        try Mount.mount(source, on: target, type: type, options: bind ? .init(rawValue: 4096) : [])
        mounts.append(target)
    }

    func request(_ root: String = "/workspace", _ paths: [String] = [], dryRun: Bool = false) -> OwnershipRequest {
        OwnershipRequest(
            root: Array(root.utf8), paths: paths.map { Array($0.utf8) }, userID: Self.wanted.user,
            groupID: Self.wanted.group, dryRun: dryRun)
    }

    func walk(_ root: String = "/workspace", _ paths: [String] = [], dryRun: Bool = false) throws
        -> GuestOwnershipReport
    { try fixer.run(request(root, paths, dryRun: dryRun)) }

    /// Of the thing itself.
    static func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }

    static func isRight(_ path: String) -> Bool {
        status(path).map { $0.st_uid == wanted.user && $0.st_gid == wanted.group } ?? false
    }

    /// Who owns what is outside, and its modes and change times.
    var outsideState: [String] {
        ["", "/secret", "/folder", "/folder/deep"].compactMap { name in
            Self.status(folder + "/outside" + name).map {
                "\(name) \($0.st_uid):\($0.st_gid) \($0.st_mode) \($0.st_ctim.tv_sec).\($0.st_ctim.tv_nsec)"
            }
        }
    }

    func fillOutside() throws {
        mkdir(outside("folder"), 0o755)
        try file(outside("secret"), mode: 0o4755)
        try file(outside("folder/deep"))
    }
}

extension GuestOwnershipReport {
    func problem(_ reason: Reason) -> Problem? { problems.first { $0.reason == reason } }
    func examples(_ reason: Reason) -> [String] {
        (problem(reason)?.examples ?? []).map { String(decoding: $0, as: UTF8.self) }.sorted()
    }
}
