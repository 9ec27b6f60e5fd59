import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// A sandbox of a project that belongs to another user of the host than the files in it. Removed with the bench's own.
struct OwnedSandbox {
    /// As root: of the project's folder. Else everything is this process's user's.
    static let owner =
        geteuid() == 0 ? FileOwner(userID: 4321, groupID: 4321) : FileOwner(userID: geteuid(), groupID: getegid())

    /// Somebody else.
    static let other = FileOwner(userID: 4322, groupID: 4322)

    let name = "bench-owned"
    let project: String
    /// Like `project`, and no machine's.
    let unsharedProject: String
    private let fixture: BenchFixture

    init(_ fixture: BenchFixture) throws {
        self.fixture = fixture
        project = fixture.directory.root + "/bench-owned-project"
        unsharedProject = fixture.directory.root + "/bench-unshared-project"
        for folder in [project, unsharedProject] {
            try? FileManager.default.removeItem(atPath: folder)
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            if geteuid() == 0 { chown(folder, OwnedSandbox.owner.userID, OwnedSandbox.owner.groupID) }
        }
        fixture.alsoRemove(name, [project, unsharedProject])
    }

    func start() throws {
        try fixture.controller.start(
            StartRequest(name: name, project: project, settings: fixture.settings), progress: SilentProgress())
    }

    func remove() { fixture.removeOthers() }

    func endpoint() throws -> GuestConnection.Endpoint {
        try GuestConnection.endpoint(sandbox: name, in: fixture.directory)
    }

    /// How the share of the running sandbox shows owners.
    func security() throws -> SandboxSettings.ShareSecurity {
        Ownership.security(of: try fixture.controller.status(name))
    }

    /// Files of this process's user, 100 to a folder.
    /// - Parameter parent: nil for the sandbox's project.
    func makeTree(_ tree: String, files: Int, in parent: String? = nil) throws {
        let top = "\(parent ?? project)/\(tree)"
        for start in stride(from: 0, to: files, by: 100) {
            let folder = "\(top)/\(start / 100)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for file in start..<min(start + 100, files) {
                _ = try FileDescriptor.open("\(folder)/\(file)", O_CREAT | O_WRONLY, mode: 0o644)
            }
        }
    }
}
