import Testing

@testable import AgentProtocol

@Suite("Health reports")
struct HealthReportTests {
    private func payload(_ message: some WireMessage) -> [UInt8] { Array(message.frame()[FrameHeader.size...]) }

    @Test func whatDidNotChangeStaysAsTheLastReportHadIt() {
        var known = Samples.healthReport
        known.merge(HealthReport(clock: 5, sessions: .init(running: 9), ports: []))
        #expect(known.clock == 5 && known.sessions?.running == 9 && known.ports == [])
        #expect(known.mounts == Samples.healthReport.mounts && known.figures == Samples.healthReport.figures)
    }

    @Test func theStartOfASessionCostsFewBytes() {
        let report = HealthReport(clock: .max, sessions: .init(running: 1, detached: 0, started: 1000))
        #expect(report.frame().count <= 60)
    }

    @Test func theLargestHonestReportFitsItsFrame() throws {
        let name = String(repeating: "ü", count: 200)
        let report = HealthReport(
            clock: 1, figures: HealthFigures(),
            mounts: (0..<1000).map { _ in HealthMount(path: name, type: name, total: .max, available: .max) },
            ports: (0..<1000).map { ListeningPort(port: UInt16($0), address: name) },
            memoryKills: .init(recent: (0..<100).map { _ in .init(program: name, processID: .max, uptime: .max) }),
            services: .init(
                state: name, failed: (0..<1000).map { _ in name }, active: (0..<1000).map { _ in name }))
        let bytes = payload(report)
        #expect(bytes.count <= FrameKind.healthReport.limit, "\(bytes.count) bytes")
        let read = try bytes.withUnsafeBytes { try HealthReport(decoding: $0) }
        #expect(read.mounts?.count == HealthMount.countLimit && read.ports?.count == ListeningPort.countLimit)
        #expect(read.services?.active.count == HealthServices.activeLimit)
        #expect(read.memoryKills?.recent.count == MemoryKills.countLimit)
    }

    @Test func moreThanTheBoundsIsRefused() {
        var writer = FieldWriter()
        writer.put(1, UInt64(1))
        writer.putSection(4) { section in
            for _ in 0...HealthMount.countLimit { section.putSection(1, HealthMount(path: "/", type: "x").encode) }
        }
        #expect(throws: ProtocolError.malformedField(4)) {
            try writer.bytes.withUnsafeBytes { try HealthReport(decoding: $0) }
        }
    }

    @Test func textIsCutBetweenCharacters() {
        #expect(HealthText.bounded("aü", 2) == "a" && HealthText.bounded("aü", 3) == "aü")
        #expect(HealthText.bounded("a\0b", 9) == "ab")
    }

    @Test(
        arguments: [(9, 100, true), (10, 100, false), (0, 0, false), (0, 5, false), (0, 10, true), (.max, .max, false)]
            as [(UInt64, UInt64, Bool)])
    func lessThanATenthIsScarce(_ left: UInt64, _ whole: UInt64, _ isScarce: Bool) {
        #expect(HealthMarks.isScarce(left, of: whole) == isScarce)
    }
}
