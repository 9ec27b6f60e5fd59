import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// Tokens over a connection, and what sessions have of them.
@Suite(.enabled(if: GuestTree.canRun)) struct TokenSessionTests {
    @Test func newSessionsOfTheUserHaveWhatIsInside() throws {
        let guest = try GuestTree()
        // An agent that provisions a strange root writes tokens into memory only.
        let run = guest.folder + "/run"
        try Mount.mount("test", on: run, type: "tmpfs")
        defer { try? Mount.detach(run) }
        let agent = try TestAgent(provisionRoot: guest.folder)
        func give(_ value: String?) throws -> ProvisionReport {
            var request = ProvisionRequest(steps: [.user, .home, .tokens], user: guest.user)
            if let value { request.tokens = ProvisionTokenTests.tokens(["T_KEY": Array(value.utf8)]) }
            let connection = try agent.connect()
            try connection.send(agent.hello() + request.frame())
            _ = try connection.next(.welcome)
            return try connection.next(.provisionReport).decode(ProvisionReport.self)
        }
        #expect(try give("one").results.last?.outcome == .done)
        let show = "echo $T_KEY"
        #expect(try agent.run(show).text == "one\n" && guest.text("/run/keystone/tokens/T_KEY") == "one")
        var withheld = ExecRequest.shell("echo ${T_KEY-none}")
        withheld.withholdsTokens = true
        #expect(try agent.run(withheld).text == "none\n")
        var root = ExecRequest.shell("echo ${T_KEY-none}")
        root.user = "root"
        #expect(try agent.run(root).text == "none\n")
        #expect(try give("two").results.last?.outcome == .done)
        #expect(try agent.run(show).text == "two\n" && guest.text("/run/keystone/tokens/T_KEY") == "two")
        #expect(try give(nil).results.last?.outcome == .done)
        #expect(try agent.run("echo ${T_KEY-none}").text == "none\n")
        #expect(try SmallFile.names(in: guest.folder + "/run/keystone/tokens").isEmpty)
    }

    @Test func aFolderOnADiskIsRefused() throws {
        let guest = try GuestTree()
        let folder = try FileDescriptor.open(guest.folder, O_RDONLY | O_DIRECTORY)
        guard MountTable.fileSystem(of: folder) != "tmpfs" else { return }
        let agent = try TestAgent(provisionRoot: guest.folder)
        let connection = try agent.connect()
        let tokens = ProvisionTokenTests.tokens(["T": Array("canary".utf8)])
        try connection.send(
            agent.hello() + ProvisionRequest(steps: [.user, .home, .tokens], user: guest.user, tokens: tokens).frame())
        _ = try connection.next(.welcome)
        let report = try connection.next(.provisionReport).decode(ProvisionReport.self)
        #expect(report.results.last?.outcome == .failed)
        #expect(!guest.picture().joined().contains("canary"))
    }
}
