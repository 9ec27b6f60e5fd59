import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// The whole agent in this process, on a UNIX socket in a folder of its own, without cgroups.
final class TestAgent: Sendable {
    let folder: String
    let address: VsockAddress
    let credential: BootCredential
    private let agent: RunningAgent

    init(
        helloMilliseconds: Int = 10_000, report: VsockAddress? = nil, provisionRoot: String? = nil,
        helloAfter: Int32? = nil
    ) throws {
        Signals.ignoreBrokenPipe()
        folder = try TestFolder.make()
        address = .unix(path: folder + "/agent")
        let host = try #require(Secret([UInt8](repeating: 0xA1, count: 32)))
        let guest = try #require(Secret([UInt8](repeating: 0xB2, count: 32)))
        credential = BootCredential(host: host, guest: guest)
        let text = "keystone-boot 1\nhost \(host.revealHexadecimal())\nguest \(guest.revealHexadecimal())\n"
        try SmallFile.write(folder + "/boot", text, flags: O_WRONLY | O_CREAT)
        var options = AgentOptions()
        options.listen = address
        options.report = report
        options.credentialPath = folder + "/boot"
        options.controlGroups = .none
        options.provisionRoot = provisionRoot
        options.helloAfter = helloAfter
        agent = try RunningAgent(options, helloMilliseconds: helloMilliseconds)
    }

    deinit {
        agent.stop()
        TestFolder.remove(folder)
    }

    var sessionCount: Int { agent.sessionCount }

    /// Sessions leave the table just after their exit was told.
    func waitUntilIdle() -> Bool {
        let deadline = Deadline.after(milliseconds: 5000)
        while agent.sessionCount > 0 {
            if deadline.hasPassed { return false }
            sched_yield()
        }
        return true
    }

    func connect() throws -> TestConnection {
        TestConnection(try VsockTransport.dial(address, port: Ports.operations, deadline: .after(milliseconds: 10_000)))
    }

    func hello(secret: Secret? = nil, versions: VersionRange = .current, role: Hello.Role = .operation) -> [UInt8] {
        Hello(versions: versions, role: role, secret: secret ?? credential.host).frame()
    }

    /// Sends hello and request in one piece, as the host does.
    func start(_ request: ExecRequest) throws -> TestConnection {
        let connection = try connect()
        try connection.send(hello() + request.frame())
        return connection
    }

    /// Runs a command whose streams the test does not steer.
    func run(_ request: ExecRequest) throws -> CommandResult { try start(request).result() }

    func run(_ script: String) throws -> CommandResult { try run(.shell(script)) }
}

extension ExecRequest {
    static func shell(_ script: String) -> ExecRequest { .init(["/bin/sh", "-c", script]) }

    init(_ words: [String]) { self.init(arguments: words.map { Array($0.utf8) }) }
}

enum TestFolder {
    static func make(below parent: String = "/tmp") throws -> String {
        var template = Array("\(parent)/keystone-test-XXXXXX\0".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { mkdtemp($0) != nil } ?? false
        }
        try #require(made)
        return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func remove(_ path: String) {
        for name in (try? SmallFile.names(in: path)) ?? [] { unlink(path + "/" + name) }
        rmdir(path)
    }
}
