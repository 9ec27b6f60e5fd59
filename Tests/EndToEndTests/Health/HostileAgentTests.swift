import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// A guest whose root speaks the protocol badly, with the boot's own secret: the host's memory stays bounded, others don't
    /// notice, terminals are not driven.
    @Suite struct HostileAgents {
        /// KiB that the monitor and the device may grow by, all modes together.
        private static let growth = 16 * 1024
        private static let box = Result { try TestSandbox.start("hostile-agent", options: ["--network", "none"]) }
        let sandbox: TestSandbox
        init() throws { sandbox = try Self.box.get() }

        private func hostile(_ mode: String, seconds: Int) throws -> Running {
            try sandbox.begin(["keystone-guest-probe", "hostile", mode, "\(seconds)"], options: ["-u", "root"])
        }

        private func memory() throws -> [Int] {
            let processes = try sandbox.processes()
            return try [processes.monitor, processes.device].map { try ProcessFigures($0).anonymousKibibytes }
        }

        @Test func theHostStaysBoundedAndOthersDontNotice() throws {
            let other = try SharedSandbox.get()
            let before = try memory()
            var told: [String] = []
            for (mode, seconds) in [
                ("reports", 5), ("lengths", 5), ("nested", 5), ("text", 5), ("secrets", 10), ("connections", 8),
                ("silent", 2), ("hellos", 4),
            ] {
                let running = try hostile(mode, seconds: seconds)
                let neighbour = try other.exec("echo", "unharmed", within: 20)
                #expect(neighbour.line == "unharmed" && neighbour.seconds < 10, "during \(mode): \(neighbour)")
                let finished = try running.finish(within: 60)
                #expect(finished.code == 0 && finished.errors.isEmpty, "\(mode): \(finished)")
                told.append("\(finished.line): \(try memory())")
                if ["lengths", "nested", "text"].contains(mode) {
                    #expect(finished.line == "\(mode) 1", "the host goes on with \(mode): \(finished)")
                }
                if mode == "secrets" { #expect(finished.line == "secrets 0", "\(finished)") }
            }
            let after = try memory()
            for (was, now) in zip(before, after) { #expect(now - was < Self.growth, "\(before) → \(told)") }
            print("hostile agent, KiB of monitor and device: before \(before), \(told)")
            // The true agent is heard again, and the sandbox works.
            #expect(try sandbox.exec("echo", "alive", within: 30).line == "alive")
            let events = try FileManager.default.attributesOfItem(atPath: sandbox.directory.eventsFile(sandbox.name))
            #expect((events[.size] as? Int ?? 0) < 1 << 20)
        }

        @Test func namesThatDriveTerminalsAreEscapedWhereverTheyAreShown() throws {
            let running = try hostile("names", seconds: 15)
            try running.wait(forOutput: "told")
            let verbs = [
                ["health", sandbox.name], ["health", sandbox.name, "--json"], ["health", "--all"],
                ["health", "--all", "--prometheus"], ["status", sandbox.name], ["events", sandbox.name],
                ["events", sandbox.name, "--json"],
            ]
            var shown = ""
            for words in verbs {
                let finished = try sandbox.keystone.agent(words)
                shown += finished.text
                for scalar in finished.text.unicodeScalars where scalar != "\n" {
                    #expect(
                        scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value) && scalar.value != 0x202E,
                        "\(words): \(finished)")
                }
                #expect(!finished.errorText.contains("Fatal"), "\(words): \(finished)")
            }
            // By the first of them: the true agent is back with a report of its own a sixth of a second later.
            #expect(shown.contains("\\u{1B}]0;owned"), "\(shown)")
            try running.send(SIGTERM)
            _ = try running.finish()
        }
    }
}
