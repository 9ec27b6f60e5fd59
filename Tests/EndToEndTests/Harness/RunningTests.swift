import LinuxSystem
import Testing

extension EndToEnd {
    /// The tests' own eyes.
    @Suite struct RunningPrograms {
        /// One in six thousand was waited for until the deadline, when it was looked at twice and ended in between.
        @Test func theEndOfEachOfManyIsSeen() throws {
            let program = SpawnRequest(path: "/bin/true", arguments: ["true"], environment: [], descriptors: [])
            for _ in 0..<2_000 { #expect(try Running(program).finish(within: 20).code == 0) }
        }
    }
}
