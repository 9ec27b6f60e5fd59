import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// What a test of tokens starts with: a person's home with a `config.json`, sources of tokens, and a project of an ordinary user.
struct TokenSandbox {
    static let user = SpawnRequest.Identity(userID: 54321, groupID: 54322, groups: [54322])
    static let folder = "/run/keystone/tokens"

    let name: String
    let project: Project
    var keystone: Keystone
    /// Of the file and of what the command reads.
    let fileSource: String
    let commandSource: String

    init(_ name: String, settings: String = "", owner: SpawnRequest.Identity? = Self.user) throws {
        self.name = name
        project = try Project(name, owner: owner)
        keystone = try Keystone(in: project.folder)
        let home = try Room.shared().makeFolder("home-\(name)")
        let sources = try Room.shared().makeFolder("home-\(name)/sources")
        (fileSource, commandSource) = (sources + "/file", sources + "/for-command")
        keystone.environment["HOME"] = home
        let configuration = """
            {"tokens": {"FILE_KEY": {"file": "\(fileSource)"}, "COMMAND_KEY": {"command": ["cat", "\(commandSource)"]}}\(settings)}
            """
        let place = try Room.shared().makeFolder("home-\(name)/.config/keystone/agent")
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: place + "/config.json"))
    }

    func write(_ path: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    /// Puts values into all three sources.
    mutating func setSources(variable: String?, file: [UInt8], command: String) throws {
        keystone.environment["ANTHROPIC_API_KEY"] = variable
        try write(fileSource, file + [10])
        try write(commandSource, Array((command + "\n").utf8))
    }

    func start(_ options: [String] = []) throws -> TestSandbox {
        try TestSandbox.start(name, options: options, keystone: keystone, project: project)
    }

    func tokens(_ words: String..., input: Running.Input = .nothing) throws -> Finished {
        try keystone.agent(["tokens"] + words, input: input)
    }

    /// Kills every agent in the guest, and PID 1, which watches over it and which the kernel protects.
    static let killing = """
        kill -9 1; for p in /proc/[0-9]*; do
            case $(readlink $p/exe) in */keystone-guest-agent) kill -9 ${p#/proc/};; esac
        done; sleep 100
        """
}
