import Foundation
import Testing

@testable import SandboxController
@testable import keystone

@Suite struct LogCommandTests {
    private let noon = Date(timeIntervalSince1970: 1_795_262_400)

    @Test(arguments: [
        ("10m", -600.0), ("1h30m", -5400), ("90", -90), ("2026-11-21T12:00:00Z", 0), ("2026-11-21T13:00:00+01:00", 0),
        ("2026-11-21T12:00:00.5Z", 0.5),
    ])
    func timesAreWrittenAsPeopleDo(_ text: String, _ offset: Double) throws {
        #expect(try TimeText.parse(text, source: "--since", now: noon) == noon.addingTimeInterval(offset))
    }

    @Test(arguments: ["2026-11-21", "2026-11-21 19:30", "2026-11-21 19:30:15", "2026-11-21T19:30"])
    func timesWithoutAZoneAreOfTheWall(_ text: String) throws { _ = try TimeText.parse(text, source: "--since") }

    @Test(arguments: ["2026-11-21 19:30:15", "1999-01-01 00:00:00", "2026-07-01 12:00:00"])
    func theWallsTimeIsReadAsItIsShown(_ text: String) throws {
        let time = try #require(LocalTime.date(text))
        #expect(LocalTime.text(time, offset: LocalTime.offset(at: time)) == text + ".000")
    }

    @Test(arguments: [
        "", "soon", "2026-13-01", "2026-11-21 25:00", "-5m", "2026-02-30", "2026-11-21 19", "2026-11-21 19:30 ",
        "26-11-21", "2026-11-21 19:61", "2026-11-2l", "2026-11-21T", "2026-00-10", "2026-11-00",
    ])
    func whatIsNoTimeIsRefused(_ text: String) {
        #expect(throws: ControllerError.self) { try TimeText.parse(text, source: "--since") }
    }

    @Test func aLineIsSafeForATerminal() throws {
        let line = LogLine(
            time: noon.addingTimeInterval(0.25), source: .unit, unit: "a\u{1B}.service",
            text: "\u{1B}[31mred\u{1B}[0m \u{1B}]0;x")
        let text = LogText(.plain, offset: { _ in 3600 }).of(line)
        #expect(text == "2026-11-21 13:00:00.250 a\\u{1B}  red \\u{1B}]0;x\n", "\(text)")
        #expect(LogText.uncoloured("a\u{1B}[1;31mb\u{1B}") == "ab\u{1B}")
        #expect(LogDocument(line).line.contains("\"time\":\"2026-11-21T12:00:00.250Z\""))
    }

    @Test func theProgramShowsWhatASandboxLeft() throws {
        let program = Program()
        try program.register([record("app")])
        let directory = StateDirectory(root: program.state)
        try PrivateFiles.makeFolder(directory.stateFolder("app"))
        try Data("Linux\r\n\u{1B}[2Jevil\n".utf8).write(to: URL(fileURLWithPath: directory.consoleLog("app")))
        let all = try program.run(["agent", "logs", "app", "-f"])
        #expect(all.code == 0 && all.output.contains("console  Linux\n") && all.output.contains("\\u{1B}[2Jevil"))
        #expect(try program.run(["agent", "logs", "app", "--tail", "1"]).output.split(separator: "\n").count == 1)
        #expect(try program.run(["agent", "logs", "app", "--json"]).output.contains("\"source\":\"console\""))
        #expect(try program.run(["agent", "logs", "app", "--events"]).output.isEmpty)
        let unit = try program.run(["agent", "logs", "app", "--unit", "sshd"])
        #expect(unit.code == 4 && unit.errors.contains("not running"))
        #expect(try program.run(["agent", "logs", "none"]).code == 3)
        #expect(try program.run(["agent", "logs", "app", "--tail", "x"]).code == 2)
        #expect(try program.run(["agent", "logs", "app", "--unit", "a/b"]).code == 2)
    }
}
