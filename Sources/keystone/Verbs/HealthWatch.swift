import AgentProtocol
import FoundationEssentials
import Glibc
import SandboxController

/// `health --watch`: how it is now, then each change as it comes.
///
/// With `--json` a line for every report, so that a reader also sees that the guest lives; for people a line for each change that
/// is one.
enum HealthWatch {
    static func run(_ name: String, _ invocation: Invocation) throws(ControllerError) -> Int32 {
        let (json, style) = (invocation.globals.json, TextStyle(descriptor: STDOUT_FILENO))
        var last: SandboxHealth?
        try invocation.controller.watchHealth(name) { (health) throws(ControllerError) in
            if json {
                try StandardStream.result(HealthDocument.line(health))
            } else if let before = last {
                for line in HealthChanges.between(before, health) { try StandardStream.result("\(clock) \(line)\n") }
            } else {
                try StandardStream.result(HealthLines.of(health, style))
            }
            last = health
            return true
        }
        let end = try invocation.controller.health(name)
        if json {
            try StandardStream.result(HealthDocument.line(end))
        } else {
            try StandardStream.result("\(clock) \(name) \(end.state.word)\n")
        }
        return HealthExit(end).rawValue
    }

    /// The time of day, for people.
    private static var clock: String {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }
}
