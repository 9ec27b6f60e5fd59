import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// A tree on a file system with user attributes, removed with it: in `/tmp` where that has them, else beside this file.
final class OwnershipFixture {
    static let wanted = FileOwner(userID: 4321, groupID: 4322)
    let root: String
    private let outer: String

    init() throws {
        let places = ["/tmp", (#filePath as NSString).deletingLastPathComponent]
        // Not lazily: `first` of a lazy sequence would make more than one.
        guard let outer = Self.make(in: places[0]) ?? Self.make(in: places[1]) else {
            throw SystemError("find a file system with user attributes", code: ENOTSUP)
        }
        self.outer = outer
        root = outer + "/project"
        mkdir(root, 0o755)
    }

    /// `rm` goes down paths that are too long for Foundation.
    deinit { _ = try? ProgramRunner(path: "/bin/rm", arguments: ["-rf", outer]).run(deadline: .never) }

    private static func make(in place: String) -> String? {
        let folder = "\(place)/keystone-owner-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        guard mkdir(folder, 0o755) == 0 else { return nil }
        if (try? InodeHandle(folder: folder).setAttribute("user.keystone", [1])) != nil { return folder }
        rmdir(folder)
        return nil
    }

    func path(_ name: String) -> String { root + "/" + name }
    /// Beside the project.
    func outside(_ name: String) -> String { outer + "/" + name }

    @discardableResult
    func file(_ name: String, mode: mode_t = 0o644, owner: UInt32 = 0) throws -> String {
        try file(at: path(name), mode: mode, owner: owner)
    }

    @discardableResult
    func file(at path: String, mode: mode_t = 0o644, owner: UInt32 = 0) throws -> String {
        let made = try FileDescriptor.open(path, O_CREAT | O_WRONLY, mode: 0o600)
        fchown(made.rawValue, owner, owner)
        fchmod(made.rawValue, mode)
        return path
    }

    @discardableResult
    func folder(_ name: String, mode: mode_t = 0o755, owner: UInt32 = 0) -> String {
        mkdir(path(name), mode)
        chown(path(name), owner, owner)
        return path(name)
    }

    func walk(_ paths: [String] = [], isDryRun: Bool = false, deadline: Deadline = .never) throws(ControllerError)
        -> OwnershipReport
    {
        var all: [ProjectPath] = []
        for path in paths { all.append(try ProjectPath(Array(path.utf8), project: root)) }
        var walk = OwnershipWalk(root: root, owner: Self.wanted, isDryRun: isDryRun)
        walk.deadline = deadline
        return try walk.run(all)
    }

    /// As QEMU would show it to the guest.
    func guestOwner(_ path: String) -> FileOwner? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return FileOwner(
            userID: Self.attribute(path, "user.virtfs.uid") ?? status.st_uid,
            groupID: Self.attribute(path, "user.virtfs.gid") ?? status.st_gid)
    }

    /// An entry by its path, the last part not followed.
    private static func handle(_ path: String) throws(SystemError) -> InodeHandle {
        let folder = try InodeHandle(folder: (path as NSString).deletingLastPathComponent)
        return try InodeHandle((path as NSString).lastPathComponent, in: folder)
    }

    static func attribute(_ path: String, _ name: String) -> UInt32? {
        var value: UInt32 = 0
        let count = withUnsafeMutableBytes(of: &value) { try? handle(path).attribute(name, into: $0) }
        return count == 4 ? UInt32(littleEndian: value) : nil
    }

    static func set(_ path: String, _ name: String, _ bytes: [UInt8]) throws {
        try handle(path).setAttribute(name, bytes)
    }

    static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }
}

extension InodeHandle {
    borrowing func setAttribute(_ name: String, _ bytes: [UInt8]) throws {
        var failure: SystemError?
        bytes.withUnsafeBytes { buffer in
            do throws(SystemError) { try setAttribute(name, to: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
