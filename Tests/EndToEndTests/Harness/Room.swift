import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// Where one run of the tests lives: a folder with everything that is made, removed at the end however the run ends
/// (see `Janitor`).
///
/// `KEYSTONE_TEST_ROOM` names a folder to use and keep instead; `KEYSTONE_TEST_PROGRAMS` the folder of the release
/// programs, by default `.build/release` of this package.
struct Room: Sendable {
    let folder: String
    let programs: String
    private let janitor: Janitor

    static func shared() throws -> Room { try result.get() }
    private static let result = Result { try Room() }

    var program: String { programs + "/keystone" }
    /// The state directory of all tests that need none of their own.
    var stateDirectory: String { folder + "/state" }

    private init() throws {
        let environment = ProcessInfo.processInfo.environment
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let named = environment["KEYSTONE_TEST_PROGRAMS"] ?? package + "/.build/release"
        guard let real = try? Folder.real(named), access(real + "/keystone", X_OK) == 0 else {
            throw Complaint(
                "There is no program keystone in \(named): run host-module/build, or set KEYSTONE_TEST_PROGRAMS.")
        }
        programs = real
        let kept = environment["KEYSTONE_TEST_ROOM"]
        folder = try kept.map(Room.make) ?? Room.makeTemporary()
        janitor = try Janitor(room: folder, program: real + "/keystone", removesRoom: kept == nil)
        // Files are made with the modes that tests ask for, and another user must reach what is meant for them.
        umask(0o022)
        chmod(folder, 0o755)
        Signals.ignoreBrokenPipe()
    }

    /// A new folder in the room.
    func makeFolder(_ name: String) throws -> String { try Room.make(folder + "/" + name) }

    private static func make(_ path: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return try Folder.real(path)
    }

    private static func makeTemporary() throws -> String {
        var template = Array("/tmp/keystone-e2e-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("make a room in /tmp") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A test's own failure, in one sentence.
struct Complaint: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
