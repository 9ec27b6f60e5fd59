import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct LogTests {
    /// A sandbox's state folder, without a sandbox.
    private final class Place {
        let directory = StateDirectory(root: "/tmp/keystone-logs-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        let record: SandboxRecord

        init() throws {
            record = SandboxRecord(name: "app", project: "/p", created: Date(), settings: SandboxSettings())
            let record = record
            try Registry(directory: directory).update { $0 = [record] }
            try PrivateFiles.makeFolder(directory.stateFolder("app"))
        }

        deinit { try? FileManager.default.removeItem(atPath: directory.root) }

        func put(_ path: String, _ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }

        func add(_ path: String, _ text: String) throws {
            try FileDescriptor.open(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o600).writeAll(Array(text.utf8))
        }

        func shown(_ change: (inout LogQuery) -> Void = { _ in }) throws -> [LogLine] {
            var query = LogQuery()
            change(&query)
            let lines = Lines()
            try SandboxLogs(
                SandboxController(directory: directory), "app", query, notice: { lines.notices.append($0) },
                output: { lines.all.append($0) }
            ).show()
            #expect(lines.notices.isEmpty)
            return lines.all
        }
    }

    private final class Lines: @unchecked Sendable {
        var all: [LogLine] = []
        var notices: [String] = []
    }

    private func event(_ name: String, at seconds: Double) -> String {
        let time = Date(timeIntervalSince1970: seconds).formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        return "{\"event\":\"\(name)\",\"time\":\"\(time)\"}\n"
    }

    @Test func linesOfAllSourcesStandInTheOrderOfTheirTimes() throws {
        let place = try Place()
        let console = place.directory.consoleLog("app")
        try place.put(console, "kernel\r\nkeystone-guest-agent: ready\r\n\r\nlate\r\n")
        try place.put(LogTimes.path(for: console), "0 1000000\n8 3000000\n37 5000000\n")
        try place.put(place.directory.eventsFile("app"), event("stage", at: 2000) + event("running", at: 4000))
        try place.put(place.directory.machineLog("app"), "qemu says\n")
        try place.put(LogTimes.path(for: place.directory.machineLog("app")), "0 2500000\n")
        let lines = try place.shown()
        #expect(lines.map(\.text) == ["kernel", "stage", "qemu says", "ready", "running", "late"])
        #expect(lines.map(\.source) == [.console, .event, .machine, .agent, .event, .console])
        #expect(try place.shown { $0.tail = 2 }.map(\.text) == ["running", "late"])
        #expect(try place.shown { $0.tail = 0 }.isEmpty)
        #expect(try place.shown { $0.since = Date(timeIntervalSince1970: 4000) }.map(\.text) == ["running", "late"])
        #expect(try place.shown { $0.sources = [.agent] }.map(\.text) == ["ready"])
        #expect(try place.shown { $0.sources = [.console] }.map(\.text) == ["kernel", "late"])
    }

    @Test func whatWasPutAsideComesFirst() throws {
        let place = try Place()
        let events = place.directory.eventsFile("app")
        try place.put(events + ".1", event("old", at: 1))
        try place.put(events, "broken line\n{\"event\":1}\n" + event("new", at: 2))
        #expect(try place.shown().map(\.text) == ["old", "new"])
    }

    @Test func anEventShowsAllItSays() {
        let line = LogEvent.parse(
            #"{"event":"exec","time":"2026-11-21T19:00:00.250Z","argv":["ls","-l a"],"code":0,"user":"","why":"so it is"}"#
        )
        #expect(line?.text == #"exec argv=[ls "-l a"] code=0 user="" why="so it is""#)
        #expect(line?.time.timeIntervalSince1970 == 1_795_287_600.25)
    }

    @Test func journalEntriesAreReadAsSystemdWritesThem() {
        func parse(_ text: String) -> LogLine? { JournalLine.parse(Array(text.utf8)) }
        let line = parse(
            #"{"__REALTIME_TIMESTAMP":"1795287600250000","_SYSTEMD_UNIT":"sshd.service","MESSAGE":"hello"}"#)
        #expect(
            line
                == LogLine(
                    time: Date(timeIntervalSince1970: 1_795_287_600.25), source: .unit, unit: "sshd.service",
                    text: "hello"))
        let manager = parse(
            #"{"__REALTIME_TIMESTAMP":"1","_SYSTEMD_UNIT":"init.scope","UNIT":"sshd.service","MESSAGE":"Started"}"#)
        #expect(manager?.unit == "sshd.service")
        #expect(
            parse(#"{"__REALTIME_TIMESTAMP":"1","_SYSTEMD_UNIT":"keystone-guest-agent.service","MESSAGE":"x"}"#)?.source
                == .agent)
        #expect(
            parse(#"{"__REALTIME_TIMESTAMP":"1","SYSLOG_IDENTIFIER":"kernel","MESSAGE":[104,105,27]}"#)?.text
                == "hi\u{1B}")
    }

    @Test(arguments: [
        "", "{", "[]", #"{"MESSAGE":"x"}"#, #"{"__REALTIME_TIMESTAMP":"1","MESSAGE":null}"#,
        #"{"__REALTIME_TIMESTAMP":"1e300","MESSAGE":"x"}"#, #"{"__REALTIME_TIMESTAMP":"nan","MESSAGE":"x"}"#,
        #"{"__REALTIME_TIMESTAMP":"99999999999999999999","MESSAGE":"x"}"#,
        #"{"__REALTIME_TIMESTAMP":"253402300800000000","MESSAGE":"x"}"#,
        #"{"__REALTIME_TIMESTAMP":1,"MESSAGE":"x"}"#, #"{"__REALTIME_TIMESTAMP":"1","MESSAGE":{"a":[1]}}"#,
    ])
    func whatIsNoJournalEntryIsLeftOut(_ text: String) { #expect(JournalLine.parse(Array(text.utf8)) == nil) }

    @Test func longLinesAreCut() throws {
        let place = try Place()
        try place.put(place.directory.consoleLog("app"), String(repeating: "x", count: 100_000) + "\nnext\n")
        #expect(try place.shown().map(\.text.count) == [LogLine.longest, 4])
    }

    @Test func theClockNotesWhenALogGrows() throws {
        let place = try Place()
        let log = place.directory.consoleLog("app")
        let clock = try LogClock([log])
        let before = Int(Date().timeIntervalSince1970 * 1000)
        try place.add(log, "one\n")
        clock.note()
        try place.add(log, "two\nthree\n")
        clock.note()
        clock.note()
        let text = try String(contentsOfFile: LogTimes.path(for: log), encoding: .utf8)
        let entries = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
        #expect(entries.map(\.first) == [0, 4] && entries.allSatisfy { $0[1] >= before })
        // A new boot cuts the log, which then has new times.
        truncate(log, 0)
        try place.add(log, "a\n")
        clock.note()
        #expect(try String(contentsOfFile: LogTimes.path(for: log), encoding: .utf8).hasPrefix("0 "))
        #expect(try place.shown().map(\.text) == ["a"])
    }

    @Test func aFloodOfTheConsoleIsPutAsideAndItsWriterGoesOn() throws {
        let place = try Place()
        let log = place.directory.consoleLog("app")
        let clock = try LogClock([log], rotationSize: 1000)
        let writer = try FileDescriptor.open(log, O_WRONLY | O_APPEND)
        for round in 0..<4 {
            try writer.writeAll(Array((String(repeating: "\(round)", count: 1200) + "\n").utf8))
            clock.note()
        }
        try writer.writeAll(Array("last\n".utf8))
        clock.note()
        var status = stat()
        #expect(stat(log, &status) == 0 && status.st_size == 5)
        #expect(stat(log + ".1", &status) == 0 && status.st_size == 1201)
        #expect(try place.shown().map { $0.text.first } == ["3", "l"])
    }

    @Test func followingShowsWhatComesAndEndsWithTheSandbox() throws {
        let place = try Place()
        let directory = place.directory
        try StateFile(state: .running).write(directory.stateFile("app"))
        let lock = try FileLock(path: directory.monitorLock("app"), deadline: .after(milliseconds: 1000))
        try place.put(directory.consoleLog("app"), "before\n")
        let (lines, written) = (Lines(), try EventDescriptor())
        let logs = try SandboxLogs(
            SandboxController(directory: directory), "app", LogQuery(), notice: { _ in },
            output: { line in
                lines.all.append(line)
                written.signal()
            })
        try logs.show()
        let over = try EventDescriptor()
        try Thread.start(name: "follow") {
            try? logs.follow()
            over.signal()
        }
        func wait(for descriptor: EventDescriptor, _ text: String) {
            var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
            #expect(poll(&entry, 1, 20_000) == 1, "\(text)")
            descriptor.drain()
        }
        wait(for: written, "what was there")
        try place.add(directory.consoleLog("app"), "half")
        try place.add(directory.consoleLog("app"), " a line\n")
        wait(for: written, "what came")
        // As a monitor ends: its state, its last event, its lock.
        try StateFile(state: .stopped).write(directory.stateFile("app"))
        try place.add(directory.eventsFile("app"), event("stopped", at: Date().timeIntervalSince1970))
        withExtendedLifetime(lock) {}
        _ = consume lock
        wait(for: over, "the end")
        #expect(lines.all.map(\.text) == ["before", "half a line", "stopped"])
    }

    @Test func theJournalIsAskedForWhatIsWanted() throws {
        var query = LogQuery()
        query.units = ["sshd"]
        query.tail = 5
        let secrets = try BootSecrets.generate()
        let endpoint = GuestConnection.Endpoint(address: .unix(path: "/x"), secrets: secrets, sandbox: "app")
        let journal = GuestJournal(endpoint: endpoint, query: query)
        let once = journal.arguments(follow: false, since: Date(timeIntervalSince1970: 12.9))
        #expect(once.contains("--unit=sshd") && once.contains("--lines=5") && once.contains("--since=@12"))
        let followed = journal.arguments(follow: true, since: Date(timeIntervalSince1970: 12))
        #expect(followed.contains("--follow") && followed.contains("--lines=all"))
    }
}
