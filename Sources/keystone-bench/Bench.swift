import Foundation
import LinuxSystem
import SandboxController

/// The whole run: options, a sandbox of its own, the topics asked for, a table and perhaps JSON.
///
/// It measures and never judges by its exit code: 0 when everything asked for was measured, 1 when something could not
/// be, 2 for a wrong command line.
enum Bench {
    static func run(_ arguments: [String]) -> Int32 {
        switch BenchOptions.parse(arguments) {
        case .help:
            print(BenchOptions.help)
            return 0
        case .wrong(let sentence):
            BenchLog.write("\(sentence) See `keystone-bench --help`.")
            return 2
        case .run(let options): return run(options)
        }
    }

    private static func run(_ options: BenchOptions) -> Int32 {
        Signals.ignoreBrokenPipe()
        do {
            let fixture = try BenchFixture(options)
            defer { fixture.remove() }
            try fixture.removeWhenInterrupted()
            var report = BenchReport()
            let complete = measure(options, fixture, &report)
            print(ReportTable.text(report), terminator: "")
            if let file = options.jsonFile { try report.json().write(to: URL(fileURLWithPath: file), options: .atomic) }
            return complete ? 0 : 1
        } catch {
            BenchLog.write("\(error)")
            return 1
        }
    }

    /// One topic that fails does not keep the others from being measured. - Returns: whether none failed.
    private static func measure(_ options: BenchOptions, _ fixture: BenchFixture, _ report: inout BenchReport) -> Bool {
        var complete = true
        do {
            try fixture.buildImage()
            // First, while nothing else runs beside the machines that are timed.
            if options.topics.contains(.start) {
                complete = attempt(.start) { try StartBench(fixture, rounds: options.rounds).run(&report) }
            }
            if options.topics.contains(.stop) {
                let done = attempt(.stop) { try StopBench(fixture, rounds: options.rounds).run(&report) }
                complete = done && complete
            }
            if options.topics.contains(.provision) {
                let done = attempt(.provision) { try ProvisionBench(fixture, rounds: options.rounds).run(&report) }
                complete = done && complete
            }
            if options.topics.contains(.ownership) {
                let done = attempt(.ownership) { try LiveBench(fixture, rounds: options.rounds).run(&report) }
                complete = done && complete
            }
            if !Set(options.topics).isSubset(of: [.start, .stop, .provision, .ownership]) {
                try fixture.start()
                try fixture.placeProbe()
            }
        } catch {
            BenchLog.write("\(error)")
            return false
        }
        // Memory first: what the agent takes after a boot can't be measured once it has worked.
        for topic in [Topic.memory, .health, .exec, .throughput, .ownership] where options.topics.contains(topic) {
            let done = attempt(topic) {
                switch topic {
                case .start, .stop, .provision: break
                case .exec:
                    var bench = try ExecBench(fixture, rounds: options.rounds)
                    try bench.run(&report)
                case .throughput: try ThroughputBench(fixture, rounds: options.rounds).run(&report)
                case .health:
                    try HealthBench(fixture, rounds: options.rounds, running: options.running).run(&report)
                case .memory: try MemoryBench(fixture).run(&report)
                case .ownership: try OwnershipBench(fixture, files: options.files).run(&report)
                }
            }
            complete = done && complete
        }
        return complete
    }

    private static func attempt(_ topic: Topic, _ body: () throws -> Void) -> Bool {
        BenchLog.write("measuring \(topic.rawValue)")
        do {
            try body()
            return true
        } catch {
            BenchLog.write("\(topic.rawValue) could not be measured to the end: \(error)")
            return false
        }
    }
}
