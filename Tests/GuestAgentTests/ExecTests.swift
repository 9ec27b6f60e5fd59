import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

@Suite struct ExecTests {
    let agent: TestAgent
    init() throws { agent = try TestAgent() }

    @Test func exitCodesAndSignalsAreToldApart() throws {
        #expect(try agent.run("exit 0").exit?.outcome == .code(0))
        #expect(try agent.run("exit 7").exit?.outcome == .code(7))
        #expect(try agent.run("kill -TERM $$").exit?.outcome == .signal(15))
        #expect(try agent.run("kill -KILL $$").exit?.outcome == .signal(9))
    }

    @Test func argumentsArriveAsTheyWereGiven() throws {
        let words = ["/usr/bin/printf", "%s|", "a b", "$HOME", "*", "", "'\"", "ü\n"]
        #expect(try agent.run(ExecRequest(words)).text == "a b|$HOME|*||'\"|ü\n|")
    }

    @Test func argumentsNeedNotBeText() throws {
        var request = ExecRequest(["/usr/bin/printf", "%s"])
        request.arguments.append([0xFF, 0xFE, 0x80])
        #expect(try agent.run(request).output == [0xFF, 0xFE, 0x80])
    }

    @Test func outputAndErrorsStayApart() throws {
        let result = try agent.run("echo out; echo err >&2; echo out2")
        #expect(result.text == "out\nout2\n")
        #expect(result.errorText == "err\n")
        #expect(result.exit?.truncated == false)
    }

    @Test func lastBytesComeBeforeTheExit() throws {
        // The writer ends at once after filling the pipe.
        let result = try agent.run("head -c 65536 /dev/zero; exec 1>&-; exit 3")
        #expect(result.output.count == 65536)
        #expect(result.exit?.outcome == .code(3))
    }

    @Test func largeOutputArrivesWholeWithErrorsAlongside() throws {
        let result = try agent.run("head -c 268435456 /dev/zero & head -c 1048576 /dev/zero >&2; wait")
        #expect(result.output.count == 268_435_456)
        #expect(result.errors.count == 1_048_576)
        #expect(result.exit?.outcome == .code(0))
    }

    @Test func usageIsReported() throws {
        let exit = try #require(try agent.run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done").exit)
        #expect(exit.userMicroseconds + exit.systemMicroseconds > 0)
        #expect(exit.wallMicroseconds > 0)
        #expect(exit.maximumResidentKibibytes > 100)
    }

    @Test func missingProgramIs127AndUnusableIs126() throws {
        #expect(try agent.run(ExecRequest(["no-such-program"])).failure?.code == .programNotFound)
        #expect(try agent.run(ExecRequest(["/no/such/program"])).failure?.code == .programNotFound)
        #expect(try agent.run(ExecRequest(["/etc"])).failure?.code == .programNotExecutable)
        #expect(try agent.run(ExecRequest(["/etc/passwd"])).failure?.code == .programNotExecutable)
        let script = agent.folder + "/script"
        try SmallFile.write(script, "echo no shebang\n", flags: O_WRONLY | O_CREAT)
        chmod(script, 0o755)
        #expect(try agent.run(ExecRequest([script])).failure?.code == .programNotExecutable)
        let orphan = agent.folder + "/orphan"
        try SmallFile.write(orphan, "#!/no/such/interpreter\n", flags: O_WRONLY | O_CREAT)
        chmod(orphan, 0o755)
        let failure = try agent.run(ExecRequest([orphan])).failure
        #expect(failure?.code == .programNotExecutable)
        #expect(failure?.message.contains("interpreter") == true)
    }

    @Test func missingProgramWithATerminalDoesNotHang() throws {
        var request = ExecRequest(["no-such-program"])
        request.terminal = .init(rows: 24, columns: 80)
        #expect(try agent.run(request).failure?.code == .programNotFound)
    }

    @Test func programIsSearchedInTheRequestsPath() throws {
        let tool = agent.folder + "/tool"
        try SmallFile.write(tool, "#!/bin/sh\necho mine\n", flags: O_WRONLY | O_CREAT)
        chmod(tool, 0o755)
        var request = ExecRequest(["tool"])
        request.environment = [Array("PATH=/nowhere:\(agent.folder)".utf8)]
        #expect(try agent.run(request).text == "mine\n")
    }

    @Test func tooManyArgumentsAreRefusedInASentence() throws {
        var request = ExecRequest(["/bin/true"])
        request.environment = (0..<16).map { Array("V\($0)=".utf8) + [UInt8](repeating: 0x61, count: 128 * 1024 - 8) }
        let failure = try #require(try agent.run(request).failure)
        #expect(failure.code == .argumentsTooLong)
        #expect(failure.message.contains("more than the guest's kernel takes"))
    }

    @Test func environmentIsBuiltFromTheUserAndTheRequest() throws {
        var request = ExecRequest(["/usr/bin/env"])
        request.environment = [Array("GREETING=hello world".utf8), Array("LOGNAME=other".utf8)]
        let lines = Set(try agent.run(request).text.split(separator: "\n").map(String.init))
        #expect(lines.contains("HOME=/root"))
        #expect(lines.contains("USER=root"))
        #expect(lines.contains("LOGNAME=other"))
        #expect(!lines.contains("LOGNAME=root"))
        #expect(lines.contains("GREETING=hello world"))
        #expect(lines.contains { $0.hasPrefix("PATH=") })
        #expect(!lines.contains { $0.hasPrefix("TERM=") })
        request.environment = [Array("broken".utf8)]
        #expect(try agent.run(request).failure?.code == .malformed)
    }

    @Test func directoryIsEnteredAsTheTargetUser() throws {
        var request = ExecRequest(["/bin/pwd"])
        request.directory = "/usr/bin"
        #expect(try agent.run(request).text == "/usr/bin\n")
        request.directory = "/no/such"
        #expect(try agent.run(request).failure?.code == .noSuchDirectory)
        request.directory = agent.folder
        chmod(agent.folder, 0o700)
        request.user = "nobody"
        #expect(try agent.run(request).failure?.code == .noSuchDirectory)
    }

    @Test func userGetsItsOwnGroupsAndNoCapabilities() throws {
        var request = ExecRequest.shell("id -u; id -g; id -G; echo $HOME $USER; grep CapEff /proc/self/status")
        request.user = "nobody"
        let lines = try agent.run(request).text.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[0] == "65534")
        #expect(lines[1] == "65534")
        #expect(lines[2] == "65534")
        #expect(lines[3] == "/nonexistent nobody")
        #expect(lines[4].hasSuffix("\t0000000000000000"))
        request.user = "12345:23456"
        #expect(try agent.run(request).text.hasPrefix("12345\n23456\n23456\n"))
        request.user = "nobody-here"
        #expect(try agent.run(request).failure?.code == .noSuchUser)
        request.user = "root:no-such-group"
        #expect(try agent.run(request).failure?.code == .noSuchUser)
    }

    @Test func commandsInheritNothingOfTheAgent() throws {
        let other = try agent.start(.init(["/bin/sleep", "100"]))
        _ = try other.next(.started)
        let result = try agent.run(
            "ls -l /proc/self/fd | grep -c -v -e pipe: -e /dev/null -e /proc/ -e total; umask; grep -E '^Sig(Blk|Ign)' /proc/self/status; cat /proc/self/oom_score_adj"
        )
        // `ls` itself has the directory open, which is in /proc.
        #expect(result.text == "0\n0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n")
        try other.send(.cancel)
        #expect(try other.result().exit?.outcome == .signal(15))
    }
}
