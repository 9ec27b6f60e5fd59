import Glibc
import Testing

@testable import SandboxController
@testable import keystone

@Suite struct ValueTests {
    @Test(arguments: [
        ("90", 90_000), ("1", 1_000), ("500ms", 500), ("1.5s", 1_500), ("5m", 300_000), ("1h30m", 5_400_000),
        ("1h1m1s1ms", 3_661_001),
        ("2min", 120_000), ("0.001", 1),
    ])
    func lengthsOfTime(_ text: String, _ expected: Int) throws {
        #expect(try DurationText.milliseconds(text, source: "--timeout") == expected)
    }

    @Test(arguments: [
        "", "0", "0s", "-1", "s", "1x", "1.s", ".5s", "1m1h", "1m1m", "1h 30m", "1e9", "99999999999h", "inf", "nan",
        "1m30", "٣s", "1..5s",
    ])
    func whatIsNoLengthOfTimeIsOneSentence(_ text: String) {
        let error = #expect(throws: ControllerError.self) { try DurationText.milliseconds(text, source: "--timeout") }
        #expect(error?.code == .usage)
        #expect(error?.message.hasPrefix("--timeout \"") == true && error?.message.contains("\n") == false)
    }

    @Test func secondsAreRoundedUp() throws {
        #expect(try DurationText.seconds("1ms", source: "") == 1)
        #expect(try DurationText.seconds("1500ms", source: "") == 2)
    }

    @Test(arguments: [
        (0.4, "0 s"), (59.9, "59 s"), (185, "3 m 5 s"), (7_800, "2 h 10 m"), (273_600, "3 d 4 h"), (-3, "0 s"),
    ])
    func lengthsOfTimeForPeople(_ seconds: Double, _ expected: String) {
        #expect(DurationText.text(seconds: seconds) == expected)
    }

    @Test(arguments: ["main", "feature/x", "v1.2", "a-b_c", "größe", "a@b"])
    func branchesNameAFolderInside(_ branch: String) throws {
        #expect(try BranchName.worktree(branch) == "/workspace/.worktrees/" + branch)
    }

    @Test(arguments: [
        "", "/", "/etc", "a//b", "a/", "..", "../x", "a/../../x", "a..b", ".git", "a/.b", "-x", "a b", "a\nb",
        "a\u{0}b", "a~1", "a:b", "a.lock",
        "x.lock/y", "@{-1}", "a\\b", "a*",
    ])
    func branchesNeverLeadOutside(_ branch: String) {
        #expect(throws: ControllerError.self) { try BranchName.worktree(branch) }
    }

    @Test func variablesKeepTheirBytesAndComeFromHere() throws {
        #expect(try EnvironmentEntry.bytes(Word(bytes: [0x41, 0x3D, 0xFF])) == [0x41, 0x3D, 0xFF])
        #expect(try EnvironmentEntry.bytes("A=") == Array("A=".utf8))
        #expect(try EnvironmentEntry.bytes("A=B=C") == Array("A=B=C".utf8))
        #expect(try EnvironmentEntry.bytes("KEYSTONE_TEST_NOT_SET_ANYWHERE") == nil)
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        #expect(try EnvironmentEntry.bytes("PATH") == Array("PATH=\(path)".utf8))
        #expect(throws: ControllerError.self) { try EnvironmentEntry.bytes("=x") }
        #expect(throws: ControllerError.self) { try EnvironmentEntry.bytes("") }
    }

    /// Columns: -i, -t, stdin is a terminal, stdout is a terminal; then: stdin fed, terminal given, refusal said.
    @Test(arguments: [
        (false, false, true, true, true, true, false), (false, false, true, false, false, false, false),
        (false, false, false, true, false, false, false), (false, false, false, false, false, false, false),
        (true, false, true, true, true, false, false), (true, false, false, false, true, false, false),
        (false, true, true, true, false, true, false), (true, true, true, true, true, true, false),
        (true, true, true, false, true, false, true), (true, true, false, true, true, false, true),
        (true, true, false, false, true, false, true), (false, true, true, false, false, false, true),
    ])
    func streamsAreJoinedAsPromised(_ row: (Bool, Bool, Bool, Bool, Bool, Bool, Bool)) {
        let streams = ExecStreams.choose(
            interactive: row.0, terminal: row.1, stdinIsTerminal: row.2, stdoutIsTerminal: row.3)
        #expect(streams.input == row.4)
        #expect(streams.terminal == row.5)
        #expect((streams.refusal != nil) == row.6)
    }
}
