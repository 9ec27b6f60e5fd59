import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// What a real guest's agent tells, and what the host makes of it.
    @Suite struct Healths {
        private static let box = Result { try TestSandbox.start("healthy", options: ["--network", "none"]) }
        let sandbox: TestSandbox
        init() throws { sandbox = try Self.box.get() }

        struct Document: Decodable {
            struct Reason: Decodable { let code: String; let text: String }
            struct Port: Decodable { let port: Int; let address: String }
            struct Mount: Decodable { let path: String; let type: String; let totalBytes: UInt64 }
            struct Sessions: Decodable { let running: Int; let started: Int }
            struct Kill: Decodable { let program: String }
            struct Kills: Decodable { let total: Int; let recent: [Kill] }
            struct Memory: Decodable { let totalBytes: UInt64; let availableBytes: UInt64 }
            struct Guest: Decodable {
                let memory: Memory?
                let mounts: [Mount]?
                let ports: [Port]?
                let sessions: Sessions?
                let memoryKills: Kills?
            }
            let health: String
            let state: String
            let reasons: [Reason]
            let guest: Guest?
            func listens(_ port: Int) -> Bool { guest?.ports?.contains { $0.port == port } == true }
        }

        /// A running `health --watch --json`.
        private final class Watch {
            let running: Running
            private var seen = 0
            init(_ sandbox: TestSandbox) throws {
                running = try sandbox.keystone.begin(["health", sandbox.name, "--watch", "--json"])
            }

            /// Waits for a line for which `isIt` holds.
            func wait(_ what: String, within seconds: Double = 30, _ isIt: (Document) -> Bool) throws {
                try running.wait(what, within: seconds) { running in
                    let lines = running.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                    for line in lines.dropFirst(seen) {
                        seen += 1
                        guard let document = try? JSONDecoder().decode(Document.self, from: Data(line.utf8)) else {
                            Issue.record("\(line) is no document")
                            continue
                        }
                        if isIt(document) { return true }
                    }
                    return false
                }
            }
        }

        private func health() throws -> (Document, Int32) {
            let finished = try sandbox.keystone.agent("health", sandbox.name, "--json")
            return (try JSONDecoder().decode(Document.self, from: Data(finished.output)), finished.code)
        }

        @Test func aHealthyGuestTellsAllOfItself() throws {
            let (document, code) = try health()
            #expect(document.health == "healthy" && code == 0, "\(document)")
            let guest = try #require(document.guest)
            #expect((guest.memory?.totalBytes ?? 0) > 900 << 20)
            #expect(guest.mounts?.contains { $0.path == "/workspace" && $0.type == "9p" && $0.totalBytes > 0 } == true)
            let people = try sandbox.keystone.mustSucceed(["health", sandbox.name])
            #expect(people.text.hasPrefix("healthy healthy\n") && people.text.contains("memory"), "\(people)")
        }

        @Test func changesAreSeenAsTheyHappen() throws {
            let watch = try Watch(sandbox)
            try watch.wait("a healthy guest") { $0.health == "healthy" }
            let session = try sandbox.begin(
                ["sh", "-c", "echo up; read -r x"], options: ["-i", "-u", "root"], input: .open)
            try watch.wait("a session") { ($0.guest?.sessions?.running ?? 0) >= 1 }
            session.closeInput()
            _ = try session.finish()
            try watch.wait("its end") { $0.guest?.sessions?.running == 0 }
            // A file system that is nearly full from its beginning.
            let fill =
                "mkdir -p /tmp/full; mount -t tmpfs -o size=1m full /tmp/full && head -c 1000000 /dev/zero > /tmp/full/x"
            _ = try sandbox.exec(["sh", "-c", fill], options: ["-u", "root"])
            try watch.wait("a full disk") { $0.health == "degraded" && $0.reasons.contains { $0.code == "diskFull" } }
            #expect(try health().1 == 1)
            _ = try sandbox.exec("sh", "-c", "umount /tmp/full")
            // What came after the boot may go.
            try watch.wait("a healthy guest without it") { $0.health == "healthy" }
            _ = try sandbox.exec(["umount", "/dev/shm"], options: ["-u", "root"])
            try watch.wait("a lost mount") {
                $0.reasons.contains { $0.code == "mountLost" && $0.text.hasPrefix("/dev/shm ") }
            }
            _ = try sandbox.exec(["mount", "-t", "tmpfs", "shm", "/dev/shm"], options: ["-u", "root"])
            try watch.wait("the mount's return") { $0.health == "healthy" }
        }

        /// Three times each way, within less than the five seconds of a guest whose kernel doesn't tell.
        @Test func aPortThatOpensOrClosesIsSeenByTheKernelsOwnWord() throws {
            let agent = "for f in /proc/$PPID/fd/*; do readlink $f; done | grep -c perf_event; nproc"
            let events = try sandbox.exec(["sh", "-c", agent], options: ["-u", "root"])
            #expect(events.lines.first == events.lines.last && events.code == 0, "one for each processor: \(events)")
            let watch = try Watch(sandbox)
            try watch.wait("a first word") { _ in true }
            for round in 0..<3 {
                let listening = try sandbox.begin(["sh", "-c", "nc -l -p 4711 127.0.0.1"])
                try watch.wait("port \(round)", within: 3) { $0.listens(4711) }
                try listening.send(SIGTERM)
                try watch.wait("the end of port \(round)", within: 3) { !$0.listens(4711) }
                _ = try listening.finish()
            }
        }

        /// The host knows the file system, as it does the guest's own; nothing but a command's bytes tells that it fills.
        @Test func aDiskThatACommandFillsIsSeenWhileTheCommandRuns() throws {
            let mount = "mkdir -p /tmp/filled && mount -t tmpfs -o size=1m filled /tmp/filled"
            let watch = try Watch(sandbox)
            _ = try sandbox.exec(["sh", "-c", mount], options: ["-u", "root"])
            try watch.wait("room") { $0.guest?.mounts?.contains { $0.path == "/tmp/filled" } == true }
            for round in 0..<3 {
                let fill = "head -c 1000000 /dev/zero > /tmp/filled/x; echo full; exec sleep 100"
                let filling = try sandbox.begin(["sh", "-c", fill], options: ["-u", "root"])
                try filling.wait(forOutput: "full")
                try watch.wait("a full disk, \(round)", within: 4) { $0.reasons.contains { $0.code == "diskFull" } }
                try filling.send(SIGTERM)
                _ = try filling.finish()
                // Over in a moment: there is a look behind the last command, too.
                _ = try sandbox.exec(["rm", "/tmp/filled/x"], options: ["-u", "root"])
                try watch.wait("room, \(round)", within: 4) { !$0.reasons.contains { $0.code == "diskFull" } }
            }
            _ = try sandbox.exec(["umount", "/tmp/filled"], options: ["-u", "root"])
        }

        @Test func aProcessKilledForWantOfMemoryIsNamed() throws {
            let watch = try Watch(sandbox)
            try watch.wait("a first word") { _ in true }
            let script = """
                echo 30M > /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/memory.max; exec tail /dev/zero
                """
            let finished = try sandbox.exec(["sh", "-c", script], options: ["-u", "root"])
            #expect(finished.code == 137, "\(finished)")
            try watch.wait("the kill") { document in
                document.health == "degraded" && document.reasons.contains { $0.code == "memoryKill" }
                    && document.guest?.memoryKills?.recent.contains { $0.program == "tail" } == true
            }
        }

        @Test func monitoringSystemsGetTheirCodes() throws {
            let all = try sandbox.keystone.agent("health", "--all")
            #expect((0...1).contains(all.code) && all.text.contains("healthy"), "\(all)")
            for words in [["health", "nobody"], ["health", "--nonsense"], ["health", "--all", "x"]] {
                let finished = try sandbox.keystone.agent(words)
                #expect(finished.code == 3 && finished.output.isEmpty, "\(words): \(finished)")
            }
        }

        @Test func prometheusOwnParserReadsTheMetrics() throws {
            let finished = try sandbox.keystone.agent("health", "--all", "--prometheus")
            let check = """
                import sys
                from prometheus_client.parser import text_string_to_metric_families as parse
                families = {f.name: f for f in parse(sys.stdin.read())}
                print(families["keystone_sandbox_running"].type, len(families))
                for s in families["keystone_sandbox_filesystem_size_bytes"].samples:
                    if s.labels["path"] == "/workspace" and s.labels["sandbox"] == "healthy": print(s.value > 0)
                print(families["keystone_sandbox_sessions"].type)
                """
            let parsed = try HostProgram.run(["python3", "-c", check], input: .bytes(finished.output))
            #expect(parsed.lines.first?.hasPrefix("gauge ") == true && parsed.lines.contains("True"), "\(parsed)")
            #expect(parsed.lines.last == "counter", "\(parsed)")
        }

        @Test func commandsAndTheirEndsAreInTheEvents() throws {
            let following = try sandbox.keystone.begin(["events", sandbox.name, "-f", "--json", "--since", "1h"])
            try following.wait(forOutput: "\"event\":\"running\"")
            #expect(try sandbox.exec(["sh", "-c", "exit 7"], options: ["-u", "root"]).code == 7)
            try following.wait(forOutput: "\"exit\":7")
            struct Line: Decodable {
                let event: String
                let id: String?
                let argv: [String]?
                let user: String?
                let exit: Int?
                let seconds: Double?
            }
            let text = try sandbox.keystone.mustSucceed(["events", sandbox.name, "--json"]).text
            let lines = try text.split(separator: "\n").map { line -> (EventKind, Line?) in
                let kind = try JSONDecoder().decode([String: Kind].self, from: Data(line.utf8))["event"]?.text ?? ""
                return (EventKind(rawValue: kind), try? JSONDecoder().decode(Line.self, from: Data(line.utf8)))
            }
            for (kind, _) in lines { #expect(EventKind.all.contains(kind), "\(kind) has no name") }
            let begin = try #require(lines.last { $0.1?.argv == ["sh", "-c", "exit 7"] }?.1)
            #expect(begin.user == "root" && begin.event == "exec")
            let end = try #require(lines.last { $0.1?.id == begin.id }?.1)
            #expect(end.event == "exec.ended" && end.exit == 7 && (end.seconds ?? -1) >= 0)
            let people = try sandbox.keystone.mustSucceed(["events", sandbox.name, "--since", "1h"])
            #expect(people.text.contains("sh -c 'exit 7'"), "\(people)")
            let later = try sandbox.keystone.mustSucceed(["events", sandbox.name, "--since", "2999-01-01T00:00:00Z"])
            #expect(later.output.isEmpty)
        }

        /// A JSON value, of which only texts matter.
        private struct Kind: Decodable {
            let text: String?
            init(from decoder: any Decoder) throws { text = try? decoder.singleValueContainer().decode(String.self) }
        }

        @Test func aClientThatIsKilledIsInTheEvents() throws {
            let following = try sandbox.keystone.begin(["events", sandbox.name, "-f", "--json"])
            let running = try sandbox.begin(["sh", "-c", "echo up; sleep 1000"])
            try running.wait(forOutput: "up")
            kill(running.processID, SIGKILL)
            try following.wait(forOutput: "exec.lost")
        }
    }
}
