import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// Provisioning over a connection, and what sessions have of it.
@Suite(.enabled(if: GuestTree.canRun)) struct ProvisionServeTests {
    let guest: GuestTree
    let agent: TestAgent

    init() throws {
        guest = try GuestTree()
        agent = try TestAgent(provisionRoot: guest.folder)
    }

    private func provision(_ request: ProvisionRequest) throws -> ProvisionReport {
        let connection = try agent.connect()
        try connection.send(agent.hello() + request.frame())
        let welcome = try connection.next(.welcome).decode(Welcome.self)
        #expect(welcome.features.contains(.provisioning))
        let report = try connection.next(.provisionReport).decode(ProvisionReport.self)
        #expect(try connection.next() == nil)
        return report
    }

    private func environment(_ entries: [String]) throws -> ProvisionReport {
        try provision(ProvisionRequest(steps: [.environment], environment: entries.map { Array($0.utf8) }))
    }

    @Test func oneConnectionIsOneReport() throws {
        let report = try provision(
            ProvisionRequest(steps: [.clock, .user, .home], clock: 5_000_000_000, user: guest.user))
        #expect(report.results.map(\.step) == [.clock, .user, .home])
        // The clock of a machine that is not the guest's is left alone.
        #expect(report.results.map(\.outcome) == [.failed, .done, .done])
    }

    @Test func sessionsRunAsTheProvisionedUser() throws {
        _ = try provision(ProvisionRequest(steps: [.user, .home], user: guest.user))
        let text = try agent.run("id -u; id -g; echo $HOME $USER $XDG_RUNTIME_DIR").text
        #expect(text == "41234\n41235\n/home/sandbox sandbox /run/user/41234\n")
        var root = ExecRequest.shell("echo $USER:$XDG_RUNTIME_DIR")
        root.user = "root"
        #expect(try agent.run(root).text == "root:\n")
    }

    @Test func anAgentThatWasRestartedRunsCommandsAsTheSameUser() throws {
        _ = try provision(ProvisionRequest(steps: [.user, .home], user: guest.user))
        let next = try TestAgent(provisionRoot: guest.folder)
        #expect(try next.run("id -u").text == "41234\n")
        let root = ProvisionRequest.User(name: "root", userID: 0, groupID: 0)
        #expect(try provision(ProvisionRequest(steps: [.user], user: root)).results.first?.outcome == .done)
        #expect(try TestAgent(provisionRoot: guest.folder).run("id -u").text == "0\n")
        // Not what somebody else wrote there by mistake.
        try guest.write("/run/keystone-user", "a:b\n")
        #expect(try TestAgent(provisionRoot: guest.folder).run("id -u").text == "0\n")
    }

    @Test func variablesWinOverTheUsersAndLoseToTheRequests() throws {
        #expect(try environment(["A=1", "B=1", "HOME=/x", "A=2"]).results.first?.outcome == .done)
        var request = ExecRequest.shell("echo $A $B $HOME; env | grep -c -E '^(A|B|HOME)='")
        request.environment = [Array("B=3".utf8)]
        #expect(try agent.run(request).text == "2 3 /x\n3\n")
        #expect(try environment(["A=2", "B=2", "HOME=/x"]).results.first?.outcome == .done)
        #expect(try environment(["A=2", "B=2", "HOME=/x"]).results.first?.outcome == .unchanged)
        #expect(try environment([]).results.first?.outcome == .done)
        #expect(try agent.run("echo $A.").text == ".\n")
    }

    @Test func programsAreSearchedInTheProvisionedPath() throws {
        try guest.write("/usr/bin/only-here", "#!/bin/sh\necho found\n")
        chmod(guest.folder + "/usr/bin/only-here", 0o755)
        #expect(try agent.run(ExecRequest(["only-here"])).failure?.code == .programNotFound)
        _ = try environment(["PATH=\(guest.folder)/usr/bin:/usr/bin:/bin"])
        #expect(try agent.run(ExecRequest(["only-here"])).text == "found\n")
        var own = ExecRequest(["only-here"])
        own.environment = [Array("PATH=/usr/bin:/bin".utf8)]
        #expect(try agent.run(own).failure?.code == .programNotFound)
    }

    @Test func variablesThatAreNoneOrTooManyAreRefusedWithoutTheirValues() throws {
        for entries in [
            ["A=ok", "secret"], ["=secret"], (0..<20).map { "V\($0)=secret" + String(repeating: "x", count: 60_000) },
        ] {
            let result = try #require(try environment(entries).results.first)
            #expect(result.outcome == .failed)
            #expect(!result.note.contains("secret"))
        }
        #expect(try agent.run("echo $A.").text == ".\n")
    }

    @Test func nobodyProvisionsWithoutTheSecret() throws {
        let wrong = try #require(Secret([UInt8](repeating: 0, count: 32)))
        let connection = try agent.connect()
        let before = guest.picture()
        try connection.send(
            agent.hello(secret: wrong) + ProvisionRequest(steps: [.user], user: guest.user).frame())
        #expect(try connection.result().failure?.code == .unauthorized)
        #expect(guest.picture() == before)
    }

    @Test func anAgentThatMayRunAnywhereProvisionsNothing() throws {
        let stray = try TestAgent()
        let connection = try stray.connect()
        try connection.send(stray.hello() + ProvisionRequest(steps: [.hostname], hostname: "box").frame())
        let welcome = try connection.next(.welcome).decode(Welcome.self)
        #expect(!welcome.features.contains(.provisioning))
        #expect(try connection.result().failure?.code == .unsupported)
    }

    @Test func requestsAtOnceRunOneAfterTheOther() throws {
        let connections = try (0..<4).map { number in
            let connection = try agent.connect()
            let user = ProvisionRequest.User(name: "sandbox", userID: 2000 + UInt32(number), groupID: 2000)
            try connection.send(agent.hello() + ProvisionRequest(steps: [.user, .home], user: user).frame())
            return connection
        }
        for connection in connections {
            let report = try connection.next(.provisionReport).decode(ProvisionReport.self)
            #expect(!report.results.contains { $0.outcome == .failed }, "\(report)")
        }
        let line = try #require(guest.text("/etc/passwd").split(separator: "\n").first { $0.hasPrefix("sandbox:") })
        #expect(guest.owner("/home/sandbox").first.map { line.hasPrefix("sandbox:x:\($0):2000:") } == true)
    }
}
