import AgentProtocol
import Glibc
import Testing

@testable import GuestAgent

@Suite struct TerminalTests {
    let agent: TestAgent
    init() throws { agent = try TestAgent() }

    private func terminal(_ script: String) throws -> TestConnection {
        var request = ExecRequest.shell(script)
        request.terminal = .init(rows: 30, columns: 100)
        request.standardInput = .stream
        return try agent.start(request)
    }

    @Test func commandHasAControllingTerminalOfTheRightSize() throws {
        let result = try terminal(
            "tty; stty size; echo $TERM $LANG; (: > /dev/tty) && echo controlling; test -t 0 && test -t 1 && test -t 2 && echo all"
        ).result()
        #expect(result.text.contains("/dev/pts/"))
        #expect(result.text.contains("30 100\r\n"))
        #expect(result.text.contains("xterm-256color C.UTF-8\r\n"))
        #expect(result.text.contains("controlling\r\nall\r\n"))
        #expect(result.errors.isEmpty)
        #expect(result.exit?.outcome == .code(0))
    }

    @Test func resizeReachesTheForegroundProgram() throws {
        let connection = try terminal("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done")
        try connection.output(until: "ready")
        try connection.send(Resize(size: .init(rows: 40, columns: 120)))
        try connection.output(until: "40 120")
        #expect(try connection.result().exit?.outcome == .code(0))
    }

    @Test func controlCInterruptsTheForegroundProgram() throws {
        let connection = try terminal("echo ready; exec sleep 100")
        try connection.output(until: "ready")
        try connection.send(.standardInput, [3])
        #expect(try connection.result().exit?.outcome == .signal(2))
    }

    @Test func signalsGoToTheForegroundGroup() throws {
        // An interactive shell puts its job into a group of its own; the shell itself lives on.
        let connection = try terminal("set -m; sh -c 'echo ready; exec sleep 100'; echo after $?")
        try connection.output(until: "ready")
        try connection.send(SignalRequest(number: UInt32(SIGTERM)))
        try connection.output(until: "after 143")
        #expect(try connection.result().exit?.outcome == .code(0))
    }

    @Test func lineEditingAndEndOfInputWork() throws {
        let connection = try terminal("cat; echo end")
        try connection.send(.standardInput, Array("helloo\u{7F}\n".utf8))
        try connection.output(until: "hello\r\n")
        try connection.send(.standardInputEnd)
        #expect(try connection.result().text.contains("end\r\n"))
    }

    @Test func ownerOfTheTerminalIsTheUser() throws {
        var request = ExecRequest.shell("stat -c %U:%a $(tty)")
        request.terminal = .init(rows: 24, columns: 80)
        request.user = "nobody"
        #expect(try agent.run(request).text == "nobody:620\r\n")
    }

    @Test func lastBytesOfATerminalArrive() throws {
        let result = try terminal("seq 1 20000; exit 9").result()
        #expect(result.text.hasSuffix("\r\n20000\r\n"))
        #expect(result.exit?.outcome == .code(9))
        #expect(result.exit?.truncated == false)
    }
}
