import LinuxSystem
import Testing

@Suite("Limits of how often") struct RateLimitTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func aBurstIsFreeAndTheRestWaitsInTurn() {
        var limit = RateLimit(burst: 3, milliseconds: 1000)
        let now = 100 * Self.second
        for _ in 0..<3 { #expect(limit.note(now: now).nanoseconds <= now) }
        #expect(limit.nextAt.nanoseconds == now + Self.second)
        #expect(limit.note(now: now).nanoseconds == now + Self.second)
        #expect(limit.note(now: now).nanoseconds == now + 2 * Self.second)
    }

    @Test func restGivesTheBurstBackAndNoMore() {
        var limit = RateLimit(burst: 3, milliseconds: 1000)
        for _ in 0..<3 { limit.note(now: 100 * Self.second) }
        // One second pays for one.
        #expect(limit.note(now: 101 * Self.second).nanoseconds <= 101 * Self.second)
        #expect(limit.nextAt.nanoseconds == 102 * Self.second)
        for _ in 0..<3 { #expect(limit.note(now: 900 * Self.second).nanoseconds <= 900 * Self.second) }
        #expect(limit.nextAt.nanoseconds == 901 * Self.second)
    }
}
