import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// A sandbox that a test starts, through the program.
struct TestSandbox: Sendable {
    static let startSeconds = 150.0
    let name: String
    let project: Project
    let keystone: Keystone

    var directory: StateDirectory { StateDirectory(root: keystone.stateDirectory ?? "") }
    var stateFolder: String { directory.stateFolder(name) }

    /// Small, since several run on two processors.
    static let smallMachine = ["--memory", "1024", "--cpus", "2"]

    /// Starts one for a new project of its name, and returns when it is ready.
    static func start(_ name: String, options: [String] = [], keystone given: Keystone? = nil, project: Project? = nil)
        throws -> TestSandbox
    {
        let project = try project ?? Project(name)
        var keystone = try given ?? Keystone()
        keystone.folder = project.folder
        let sandbox = TestSandbox(name: name, project: project, keystone: keystone)
        try Images.build(in: sandbox.directory, for: keystone)
        try sandbox.startAgain(options)
        return sandbox
    }

    /// Starts one for a test and removes it whatever happens.
    static func with(
        _ name: String, options: [String] = [], keystone: Keystone? = nil, project: Project? = nil,
        _ body: (TestSandbox) throws -> Void
    ) throws {
        let sandbox = try start(name, options: options, keystone: keystone, project: project)
        defer { sandbox.remove() }
        try body(sandbox)
    }

    static func startWords(_ name: String, _ options: [String] = []) -> [String] {
        ["start", "--no-attach", "--name", name] + smallMachine + options
    }

    @discardableResult
    func startAgain(_ options: [String] = []) throws -> Finished {
        try keystone.mustSucceed(TestSandbox.startWords(name, options), within: TestSandbox.startSeconds)
    }

    func remove() { _ = try? keystone.agent(["destroy", "--force", name], within: 60) }

    // MARK: Commands in it

    func execWords(_ command: [String], _ options: [String]) -> [String] {
        ["exec"] + options + [name, "--"] + command
    }

    func exec(
        _ command: [String], options: [String] = [], input: Running.Input = .nothing, within seconds: Double = 60
    ) throws -> Finished {
        try begin(command, options: options, input: input).finish(within: seconds)
    }

    func exec(_ command: String..., within seconds: Double = 60) throws -> Finished {
        try exec(command, within: seconds)
    }

    /// A shell's script in the guest.
    func shell(_ script: String, within seconds: Double = 60) throws -> Finished {
        try exec(["sh", "-c", script], within: seconds)
    }

    func begin(
        _ command: [String], options: [String] = [], input: Running.Input = .nothing, output: Running.Output = .captured
    ) throws -> Running {
        try keystone.begin(execWords(command, options), input: input, output: output)
    }

    // MARK: Its processes

    struct Processes: Sendable {
        let monitor: pid_t
        let machine: pid_t
        let device: pid_t
        var all: [pid_t] { [monitor, machine, device] }
    }

    /// As `status --json` says now.
    func processes() throws -> Processes {
        let status = try status()
        guard let monitor = status.monitorProcess, let machine = status.machineProcess,
            let device = status.deviceProcess
        else { throw Complaint("Sandbox \(name) is \(status.state), without all its processes.") }
        return Processes(monitor: monitor, machine: machine, device: device)
    }

    /// What scripts read.
    struct Status: Decodable {
        let state: String
        let errorReason: String?
        let monitorProcess: pid_t?
        let machineProcess: pid_t?
        let deviceProcess: pid_t?
    }

    func status() throws -> Status {
        try JSONDecoder().decode(Status.self, from: Data(try keystone.mustSucceed(["status", name, "--json"]).output))
    }

    func state() throws -> String { try status().state }
}

/// The sandbox of all tests that only run commands; it lives as long as the run.
enum SharedSandbox {
    static func get() throws -> TestSandbox { try result.get() }
    private static let result = Result { try TestSandbox.start("shared") }
}
