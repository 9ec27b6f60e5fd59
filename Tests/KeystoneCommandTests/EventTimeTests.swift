import Foundation
import SandboxController
import Testing

@testable import keystone

@Suite("Times of events")
struct EventTimeTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test(
        arguments: [
            ("90", "2027-01-15T07:58:30.000Z"), ("1h30m", "2027-01-15T06:30:00.000Z"),
            ("2026-11-21T19:00:00Z", "2026-11-21T19:00:00.000Z"),
            ("2026-11-21T19:00:00.250Z", "2026-11-21T19:00:00.250Z"),
            ("2026-11-21T20:00:00+01:00", "2026-11-21T19:00:00.000Z"),
        ])
    func lengthsAndTimesAreUnderstood(_ text: String, _ time: String) throws {
        #expect(try EventTime.since(text, now: now) == time)
    }

    @Test(arguments: ["", "yesterday", "-5m", "2026-11-21", "5x", "0", "2026-99-21T19:00:00Z"])
    func othersAreRefusedWithAnExample(_ text: String) {
        #expect(throws: ControllerError.self) { try EventTime.since(text, now: now) }
    }
}
