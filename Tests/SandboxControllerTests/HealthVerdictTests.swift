import AgentProtocol
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("The verdict on a guest")
struct HealthVerdictTests {
    private let now: UInt64 = 1_000_000_000_000

    private var healthy: HealthRecord {
        var record = HealthRecord()
        (record.reports, record.helloAt, record.reportedAt) = (true, now - 60_000_000_000, now - 1_000_000_000)
        var figures = HealthFigures()
        (figures.memoryTotal, figures.memoryAvailable, figures.uptime) = (1000, 500, 3_600_000)
        record.report = HealthReport(
            clock: 1, figures: figures, sessions: .init(),
            mounts: [.init(path: "/", type: "tmpfs", total: 100, available: 50)])
        return record
    }

    private func codes(_ change: (inout HealthRecord) -> Void) -> [HealthReason.Code] {
        var record = healthy
        change(&record)
        let verdict = HealthVerdict(record, now: now)
        if case .degraded(let reasons) = verdict { return reasons.map(\.code) }
        return []
    }

    @Test func nothingWrongIsHealthy() {
        #expect(HealthVerdict(healthy, now: now) == .healthy)
        var old = HealthRecord()
        old.helloAt = 1
        #expect(HealthVerdict(old, now: now) == .healthy, "an agent that never reports can't fall silent")
    }

    @Test func eachThingThatIsWrongIsAReason() {
        #expect(codes { $0.report?.figures?.memoryAvailable = 99 } == [.memory])
        #expect(codes { $0.report?.figures?.pressure = .init(memoryFull: 1000) } == [.memory])
        #expect(codes { $0.report?.figures?.pressure = .init(storageFull: 6000) } == [.storage])
        #expect(codes { $0.report?.mounts?[0].available = 9 } == [.diskFull])
        #expect(
            codes { $0.report?.mounts = [.init(path: "/", type: "t", entries: 100, entriesFree: 1)] } == [.diskFull])
        #expect(codes { $0.report?.mounts = [.init(path: "/", type: "t", isReadOnly: true, total: 9)] } == [])
        #expect(codes { $0.lostMounts = ["/workspace"] } == [.mountLost])
        #expect(codes { $0.readOnlyMounts = ["/"] } == [.mountReadOnly])
        #expect(codes { $0.skewMilliseconds = -2_001 } == [.clock])
        #expect(
            codes { $0.report?.services = .init(failed: ["a.service", "b.service"]) } == [.unitFailed, .unitFailed])
    }

    @Test func aKillIsAReasonForTenMinutes() {
        func kill(at uptime: UInt64) -> [HealthReason.Code] {
            codes {
                $0.report?.memoryKills = .init(total: 1, recent: [.init(program: "x", processID: 1, uptime: uptime)])
            }
        }
        #expect(kill(at: 3_600_000 - 1000) == [.memoryKill])
        #expect(kill(at: 3_600_000 - 600_000) == [])
        #expect(kill(at: .max) == [.memoryKill], "a guest may say anything; nothing overflows")
    }

    @Test func whenAnAgentWillCountAsSilentIsKnownAlsoOfOneThatCanRunNothing() {
        var record = healthy
        let silentAt = Deadline(nanoseconds: record.reportedAt + 45_000_000_000)
        func expiry(at time: UInt64) -> Deadline { HealthVerdict(record, now: time).expiry(record) }
        #expect(expiry(at: now) == silentAt)
        record.probe = .init(at: now, milliseconds: 5, failure: "no", failingSince: 7)
        #expect(expiry(at: now) == silentAt)
        #expect(expiry(at: silentAt.nanoseconds) == .never, "it is silent")
        record.lostAt = now
        #expect(expiry(at: now) == .never)
    }

    @Test func silenceAndLossAndAFailedProbeAreUnresponsive() {
        var record = healthy
        record.reportedAt = now - 45_000_000_000
        let silent = HealthVerdict(record, now: now)
        guard case .unresponsive(now - 45_000_000_000, let reason) = silent else {
            Issue.record("\(silent)")
            return
        }
        #expect(reason.code == .agentSilent)
        record = healthy
        record.probe = .init(at: now, milliseconds: 5, failure: "no", failingSince: 7)
        guard case .unresponsive(7, let why) = HealthVerdict(record, now: now) else {
            Issue.record("a guest that can't run commands is called \(HealthVerdict(record, now: now))")
            return
        }
        #expect(why.code == .sessions && why.text.hasSuffix("no"))
        record.lostAt = 3
        guard case .unresponsive(3, let lost) = HealthVerdict(record, now: now) else { return }
        #expect(lost.code == .agentGone)
    }

    @Test func theRecordSurvivesTheControlSocket() throws {
        var record = healthy
        record.lostMounts = ["/a", "/b"]
        record.readOnlyMounts = ["/c"]
        record.skewMilliseconds = -5
        record.probe = .init(at: 1, milliseconds: 2, failure: "f", failingSince: 3)
        record.lostAt = 9
        record.version = 12
        #expect(HealthRecord(decoding: record.encoded()) == record)
        #expect(HealthRecord(decoding: [1, 2, 3]) == nil)
    }

    @Test func mountsThatWereThereFromTheBeginningAreMissed() {
        let keeper = HealthKeeper()
        keeper.noteHello(reports: true)
        func take(_ paths: [String], readOnly: Bool = false) {
            keeper.take(
                HealthReport(clock: 1, mounts: paths.map { .init(path: $0, type: "9p", isReadOnly: readOnly) }))
        }
        take(["/", "/workspace"])
        take(["/", "/workspace", "/mnt"])
        take(["/", "/mnt"])
        #expect(keeper.current.lostMounts == ["/workspace"])
        take(["/", "/workspace"])
        #expect(keeper.current.lostMounts == [], "what came later may go")
        take(["/", "/workspace"], readOnly: true)
        #expect(keeper.current.readOnlyMounts == ["/", "/workspace"])
    }

    @Test func guestTextIsEscapedAtTheDoor() {
        let keeper = HealthKeeper()
        keeper.noteHello(reports: true)
        let evil = "\u{1B}]0;title\u{7}\u{9B}2J"
        keeper.take(
            HealthReport(
                clock: 1, mounts: [.init(path: evil, type: evil)], ports: [.init(port: 1, address: evil)],
                memoryKills: .init(total: 1, recent: [.init(program: evil, processID: 1, uptime: 1)]),
                services: .init(state: evil, failed: [evil], active: [evil])))
        let bytes = keeper.current.encoded()
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(!text.contains("\u{1B}]") && !text.contains("\u{9B}") && !text.contains("\u{7}\u{9B}"))
        #expect(keeper.current.report?.services?.failed.first?.hasPrefix("\\u{1B}]0;title") == true)
        #expect(HealthRecord(decoding: bytes) != nil)
    }
}
