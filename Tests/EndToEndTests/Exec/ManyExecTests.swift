import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Many commands: at once, and one after another.
    @Suite struct ManyExecs {
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }

        @Test func threeHundredAtOnceEndWithTheirOwnCodeAndOutput() throws {
            // All wait in open(2) of one pipe until somebody holds its other end, so all run at the same time.
            _ = try sandbox.exec("mkfifo", "/tmp/gate")
            let script = "echo ready; : </tmp/gate; echo \"I am $0\"; echo \"err $0\" >&2; exit $(($0 % 100))"
            let all = try (0..<300).map { try sandbox.begin(["sh", "-c", script, String($0)]) }
            for running in all { try running.wait(forOutput: "ready", within: 120) }
            #expect(all.allSatisfy { !$0.process.hasEnded })
            let opener = try sandbox.begin(["sh", "-c", "exec 3>/tmp/gate; echo open; sleep 600"])
            try opener.wait(forOutput: "open")
            var wrong: [String] = []
            for (number, running) in all.enumerated() {
                let finished = try running.finish(within: 120)
                if finished.code != Int32(number % 100) || finished.text != "ready\nI am \(number)\n"
                    || finished.errorText != "err \(number)\n"
                {
                    wrong.append("\(number): \(finished)")
                }
            }
            #expect(wrong.isEmpty, "\(wrong.count) of 300: \(wrong.prefix(5))")
            try opener.send(SIGTERM)
            _ = try opener.finish()
            _ = try sandbox.exec("rm", "-f", "/tmp/gate")
        }

        @Test func fiveThousandInARowLeaveNothingBehind() throws {
            // A sandbox of its own: what larger commands of other tests left in the allocator would hide a leak, or look like one.
            try TestSandbox.with("five-thousand") { try expectNoGrowth(in: $0) }
        }

        private func expectNoGrowth(in sandbox: TestSandbox) throws {
            let endpoint = try GuestConnection.endpoint(sandbox: sandbox.name, in: sandbox.directory)
            let processes = try sandbox.processes()
            // The first ones warm up: threads, buffers and the guest's page cache.
            #expect(try lot(sandbox, endpoint, library: 1000, programs: 20) == [])
            let before = try Census(sandbox, processes)
            #expect(try lot(sandbox, endpoint, library: 4600, programs: 400) == [])
            let after = try Census(sandbox, processes)
            for complaint in after.growth(since: before) {
                Issue.record("\(complaint)\nbefore: \(before)\nafter: \(after)")
            }
        }

        private func lot(_ sandbox: TestSandbox, _ endpoint: GuestConnection.Endpoint, library: Int, programs: Int)
            throws -> [String]
        {
            var complaints = try Lanes.run(library, lanes: 4) { number in
                let (code, output) = try LibraryExec.run(endpoint, ["echo", "number \(number)"])
                guard code == 0, output == "number \(number)\n" else {
                    throw Complaint("code \(code), output \(output)")
                }
            }
            complaints += try Lanes.run(programs, lanes: 3) { number in
                let finished = try sandbox.exec("echo", "number \(number)")
                guard finished.code == 0, finished.text == "number \(number)\n", finished.errors.isEmpty else {
                    throw Complaint("\(finished)")
                }
            }
            return complaints
        }
    }
}

/// What the agent, the device and the monitor hold.
struct Census: CustomStringConvertible {
    /// In the guest, by name: descriptors, threads and anonymous KiB of all agent processes; zombies, cgroups and
    /// processes of all.
    let guest: [String: Int]
    let device: ProcessFigures
    let monitor: ProcessFigures

    init(_ sandbox: TestSandbox, _ processes: TestSandbox.Processes) throws {
        let script = """
            for p in /proc/[0-9]*; do case $(readlink $p/exe) in */keystone-guest-agent) echo ${p#/proc/};; esac; done > /tmp/agents
            [ -s /tmp/agents ] || exit 9
            echo descriptors $(for p in $(cat /tmp/agents); do ls /proc/$p/fd; done | wc -l)
            echo threads $(for p in $(cat /tmp/agents); do ls /proc/$p/task; done | wc -l)
            echo memory $(for p in $(cat /tmp/agents); do grep RssAnon /proc/$p/status; done | awk '{ s += $2 } END { print s }')
            echo zombies $(grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l)
            echo cgroups $(find /sys/fs/cgroup -type d 2>/dev/null | wc -l)
            echo processes $(ls -d /proc/[0-9]* | wc -l)
            """
        let finished = try sandbox.shell(script)
        var guest: [String: Int] = [:]
        for line in finished.lines {
            let words = line.split(separator: " ")
            if words.count == 2 { guest[String(words[0])] = Int(words[1]) }
        }
        guard guest.count == 6 else { throw Complaint("The guest's census failed: \(finished)") }
        self.guest = guest
        device = try ProcessFigures(processes.device)
        monitor = try ProcessFigures(processes.monitor)
    }

    /// Sentences about what grew by more than noise: one connection more or less, one allocator arena.
    func growth(since before: Census) -> [String] {
        var result: [String] = []
        func check(_ what: String, _ now: Int, _ then: Int, allowance: Int) {
            if now > then + allowance { result.append("\(what) grew from \(then) to \(now)") }
        }
        // The agent keeps up to 8 empty cgroups for the next sessions, with 3 descriptors each: how many of them the first
        // lot needed at once is chance. A leak in even one of a hundred commands would show above that.
        let allowances = ["descriptors": 26, "threads": 2, "memory": 192, "zombies": 0, "cgroups": 8, "processes": 3]
        for (name, allowance) in allowances {
            check("the guest's \(name)", guest[name] ?? -1, before.guest[name] ?? -1, allowance: allowance)
        }
        for (name, now, then) in [("device", device, before.device), ("monitor", monitor, before.monitor)] {
            check("the \(name)'s descriptors", now.descriptors, then.descriptors, allowance: 2)
            check("the \(name)'s threads", now.threads, then.threads, allowance: 2)
            check("the \(name)'s memory (KiB)", now.anonymousKibibytes, then.anonymousKibibytes, allowance: 256)
            check("the \(name)'s zombies", now.zombies, then.zombies, allowance: 0)
        }
        return result
    }

    var description: String { "guest \(guest.sorted { $0.key < $1.key }); device \(device); monitor \(monitor)" }
}
