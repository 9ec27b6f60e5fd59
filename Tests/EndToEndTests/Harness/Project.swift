import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// A folder in a git work tree, as `start` wants it.
struct Project: Sendable {
    let folder: String

    /// - Parameters:
    ///   - name: of its folder in the room.
    ///   - owner: who it belongs to, when not to us.
    init(_ name: String, owner: SpawnRequest.Identity? = nil) throws {
        folder = try Room.shared().makeFolder("projects/" + name)
        try HostProgram.run(["git", "init", "-q", folder])
        try write("README.md", Array("# \(name)\n".utf8))
        if let owner { try HostProgram.run(["chown", "-R", "\(owner.userID):\(owner.groupID)", folder]) }
    }

    func path(_ name: String) -> String { folder + "/" + name }

    func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws {
        let file = try FileDescriptor.open(path(name), O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try file.writeAll(bytes)
        _ = fchmod(file.rawValue, mode)
    }

    func read(_ name: String) throws -> [UInt8] {
        try FileDescriptor.open(path(name), O_RDONLY).readAll(limit: 1 << 30)
    }

    /// A file of random bytes. - Returns: its SHA-256.
    func writeRandom(_ name: String, mebibytes: Int) throws -> String {
        try HostProgram.run(["dd", "if=/dev/urandom", "of=" + path(name), "bs=1M", "count=\(mebibytes)", "status=none"])
        return try HostProgram.sha256(ofFile: path(name))
    }

    func remove(_ name: String) { unlink(path(name)) }
}
