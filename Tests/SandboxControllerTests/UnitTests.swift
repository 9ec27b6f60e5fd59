import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct UnitTests {
    private func unit(_ change: (inout ResourceLimits) -> Void = { _ in }) -> TransientUnit {
        var limits = ResourceLimits()
        change(&limits)
        return TransientUnit(
            name: "keystone-app-7.service", description: "Keystone sandbox app", workingFolder: "/s/a b",
            environment: ["HOME=/home/$USER", "PATH=/bin"],
            command: ["/k/keystone", "agent", "__monitor", "/s$", "app"],
            limits: limits)
    }

    @Test func theUnitEndsItsWholeControlGroupAfterAskingTheMonitor() throws {
        let words = unit().arguments(environmentProgram: "/usr/bin/env", program: "/k \"/keystone")
        #expect(words.contains("KillMode=control-group") && words.contains("--user") && words.contains("--pipe"))
        #expect(words.contains("--unit=keystone-app-7.service") && words.contains("--working-directory=/s/a b"))
        #expect(words.contains("ExecStop=-\"/k \\\"/keystone\" agent __end-monitor $MAINPID"))
        #expect(!words.contains { $0.hasPrefix("MemoryMax") || $0.hasPrefix("CPUQuota") })
        let separator = try #require(words.firstIndex(of: "--"))
        // Nothing of the manager's environment, and nothing that systemd would put a variable in place of.
        #expect(
            Array(words[(separator + 1)...]) == [
                "/usr/bin/env", "-i", "HOME=/home/$$USER", "PATH=/bin", "/k/keystone", "agent", "__monitor", "/s$$",
                "app",
            ])
    }

    @Test func limitsAreTheUnits() {
        let words = unit {
            $0.memoryMebibytes = 6144
            $0.processorPercent = 150
        }.arguments(environmentProgram: "/usr/bin/env", program: "/k")
        #expect(words.contains("MemoryMax=6144M") && words.contains("CPUQuota=150%"))
    }

    @Test func endingAMonitorThatIsGoneIsNoFailure() throws {
        #expect(MonitorProcess.end(arguments: []) == 0)
        #expect(MonitorProcess.end(arguments: ["$MAINPID"]) == 0)
        let child = try ChildProcess.spawn(
            SpawnRequest(path: "/bin/sleep", arguments: ["600"], environment: [], descriptors: [-1, -1, -1]))
        #expect(MonitorProcess.end(arguments: ["\(child.processID)"]) == 0)
        #expect(child.hasEnded)
        _ = try child.reap()
    }

    @Test(arguments: [("30m", 1800), ("90", 90), ("2h", 7200)])
    func idleTimesAreWrittenAsOthersAre(_ text: String, _ seconds: Int) throws {
        #expect(try SettingTexts.idle(text, source: "--idle-timeout") == .chosen(seconds))
        #expect(try SettingTexts.idle("never", source: "--idle-timeout") == .automatic)
        #expect(throws: ControllerError.self) { try SettingTexts.idle("soon", source: "--idle-timeout") }
    }

    @Test(arguments: [("1.5", 150), ("2", 200), ("0.1", 10)])
    func limitsOfProcessorsMayBeParts(_ text: String, _ percent: Int) throws {
        #expect(try SettingTexts.processorLimit(text, source: "--cpu-limit") == .chosen(percent))
        for wrong in ["0", "-1", "x", "1e3", "nan", ""] {
            #expect(throws: ControllerError.self) { try SettingTexts.processorLimit(wrong, source: "--cpu-limit") }
        }
    }

    @Test func settingsKeepWhatWasAsked() throws {
        var settings = SandboxSettings()
        settings.idleSeconds = 1800
        settings.persists = false
        settings.limits = ResourceLimits(memoryMebibytes: 4096, processorPercent: 150)
        let again = try JSONDecoder().decode(SandboxSettings.self, from: JSONEncoder().encode(settings))
        #expect(again == settings)
        var layer = SettingsLayer()
        layer.idleSeconds = .automatic
        layer.memoryLimitMebibytes = .automatic
        layer.persists = true
        let resolved = SettingsLayer.resolve(
            flags: layer, environment: SettingsLayer(), existing: settings, configuration: SettingsLayer())
        #expect(resolved.idleSeconds == nil && resolved.limits == ResourceLimits(processorPercent: 150))
        #expect(resolved.persists)
        // As a version wrote it that knew of no others.
        #expect(try JSONDecoder().decode(SandboxSettings.self, from: Data("{}".utf8)).persists)
    }

    private func record(running: UInt64, started: UInt64, lost: UInt64? = nil) -> HealthRecord {
        var record = HealthRecord()
        record.report = HealthReport(clock: 0, sessions: HealthSessions(running: running, started: started))
        record.lostAt = lost
        return record
    }

    @Test func aGuestIsIdleSinceItsLastSession() {
        var idleness = Idleness()
        #expect(idleness.look(at: HealthRecord(), now: 5) == nil, "nobody knows yet")
        #expect(idleness.look(at: record(running: 0, started: 0), now: 10) == 10)
        #expect(idleness.look(at: record(running: 0, started: 0), now: 20) == 10)
        #expect(idleness.look(at: record(running: 1, started: 1), now: 30) == nil)
        #expect(idleness.look(at: record(running: 0, started: 1), now: 40) == 40)
        // One that came and went between two reports.
        #expect(idleness.look(at: record(running: 0, started: 2), now: 50) == 50)
        #expect(idleness.look(at: record(running: 0, started: 2, lost: 55), now: 60) == nil)
        #expect(idleness.look(at: record(running: 0, started: 0), now: 70) == 70, "another agent")
    }

    @Test func idlenessIsToldOnceAndNotWhileASessionRuns() throws {
        let keeper = HealthKeeper()
        let told = try EventDescriptor()
        keeper.take(HealthReport(clock: 0, sessions: HealthSessions(running: 1, started: 1)))
        try IdleWatch(keeper, milliseconds: 50) { told.signal() }.begin()
        var entry = pollfd(fd: told.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 200) == 0, "a session runs")
        keeper.take(HealthReport(clock: 0, sessions: HealthSessions(running: 0, started: 1)))
        #expect(poll(&entry, 1, 10_000) == 1)
    }

    /// What a kernel with delegated controllers shows in a new group can't be made of files, so this one has none.
    @Test func aGroupWithoutControllersIsLeftBehindNowhere() throws {
        let root = "/tmp/keystone-groups-\(getpid())"
        mkdir(root, 0o700)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(atPath: root + "/a/b", withIntermediateDirectories: true)
        let limits = ResourceLimits(memoryMebibytes: 2048)
        #expect(DelegatedGroup.make(name: "x", limits: limits, root: root, own: "/a/b") == nil, "no cgroup v2")
        try Data().write(to: URL(fileURLWithPath: root + "/cgroup.controllers"))
        #expect(DelegatedGroup.make(name: "x", limits: limits, root: root, own: "/a/b") == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/a/b").isEmpty)
        DelegatedGroup.remove(root + "/a/b")
        #expect(access(root + "/a/b", F_OK) == 0, "only groups are removed")
    }
}
