import Foundation
import Glibc
import LinuxSystem

/// Files of the host beside a project, which nothing that a guest does may change.
struct Bystanders {
    let folder: String
    private let names = ["", "/secret", "/tool", "/deep", "/deep/file"]

    init(beside project: Project) throws {
        folder = project.folder + "-outside"
        try FileManager.default.createDirectory(atPath: folder + "/deep", withIntermediateDirectories: true)
        for (name, mode) in [("/secret", 0o600), ("/tool", 0o4755), ("/deep/file", 0o444)] as [(String, mode_t)] {
            let file = try FileDescriptor.open(folder + name, O_WRONLY | O_CREAT, mode: mode)
            _ = fchmod(file.rawValue, mode)
        }
    }

    /// Owner, mode, change time (which an attribute or a change of owner would move) of each.
    var state: [String] {
        names.map { name in
            var status = stat()
            guard lstat(folder + name, &status) == 0 else { return "\(name) is gone" }
            return
                "\(name) \(status.st_uid):\(status.st_gid) \(status.st_mode) \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
        }
    }
}
