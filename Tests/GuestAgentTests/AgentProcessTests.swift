import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// The built agent as a process of its own, with a cgroup for each session where this machine lets us make some.
@Suite(.enabled(if: AgentProcess.canRun), .serialized) struct AgentProcessTests {
    @Test func eachSessionHasACgroupAndFewAreKept() throws {
        let agent = try AgentProcess()
        for _ in 0..<40 { #expect(try agent.run(.shell("cat /proc/self/cgroup")).text.contains("/sessions/s")) }
        let connections = try (0..<30).map { _ in try agent.start(.init(["/bin/true"])) }
        for connection in connections { #expect(try connection.result().exit?.outcome == .code(0)) }
        #expect(agent.waitForGroups { $0 <= 8 })
    }

    @Test func lossOfTheHostEndsWhatLeftTheProcessGroupToo() throws {
        let agent = try AgentProcess()
        let connection = try agent.start(.shell("trap '' HUP TERM; setsid sh -c 'echo $$; exec sleep 100'; sleep 100"))
        let text = try connection.output(until: "\n")
        let escaped = try #require(pid_t(text.prefix { $0 != "\n" }))
        connection.close()
        #expect(Processes.waitUntilGone(escaped))
    }

    @Test func whatACommandLeavesBehindKeepsItsCgroupUntilItEnds() throws {
        let agent = try AgentProcess()
        let result = try agent.run(.shell("sleep 100 >/dev/null 2>&1 & echo $!; cat /proc/self/cgroup"))
        let lines = result.text.split(separator: "\n")
        let survivor = try #require(lines.first.flatMap { pid_t($0) })
        let name = try #require(result.text.split(separator: "/").last?.prefix { $0 != "\n" })
        #expect(kill(survivor, 0) == 0)
        #expect(access("\(agent.sessions)/\(name)", F_OK) == 0)
        kill(survivor, SIGKILL)
        #expect(agent.wait { access("\(agent.sessions)/\(name)", F_OK) != 0 })
    }

    @Test func nextAgentEndsAttachedSessionsAndLeavesTheOthers() throws {
        let agent = try AgentProcess()
        let attached = try agent.start(.shell("setsid sleep 100 & echo $!; wait"))
        let orphan = try #require(pid_t(try attached.output(until: "\n").prefix { $0 != "\n" }))
        var request = ExecRequest(["/bin/sleep", "100"])
        request.detached = true
        let detached = pid_t(try agent.start(request).next(.started).decode(Started.self).processID)
        try agent.killAndRestart()
        #expect(Processes.waitUntilGone(orphan))
        #expect(try agent.run(.shell("echo again")).text == "again\n")
        #expect(kill(detached, 0) == 0)
        kill(detached, SIGKILL)
        #expect(agent.waitForGroups { $0 <= 8 })
    }

    @Test func terminationEndsTheAgentAtOnce() throws {
        let agent = try AgentProcess()
        #expect(try agent.run(.shell("exit 3")).exit?.outcome == .code(3))
        #expect(try agent.terminate() == .exited(0))
    }

    @Test func threadsFollowTheSessionsAndAnIdleAgentSleeps() throws {
        let agent = try AgentProcess()
        let connections = try (0..<50).map { _ in try agent.start(.init(["/bin/sleep", "0.2"])) }
        for connection in connections { _ = try connection.result() }
        // Main, four idle workers at most and one that is about to end, and the watch over cgroups.
        #expect(agent.wait { agent.threads <= 7 })
        // On a busy machine the last of them may still be about to end.
        let sleeps = agent.wait {
            let before = agent.wakeUps
            _ = poll(nil, 0, 300)
            return agent.wakeUps == before
        }
        #expect(sleeps, "\(agent.wakeUps)")
    }

    @Test func wrongUsageIsOneSentenceAndExitTwo() throws {
        for arguments in [
            ["nonsense"], [], ["serve", "--listen"], ["serve", "--listen", "tcp:1"], ["serve", "--x", "y"],
        ] {
            let end = try AgentProcess.output(arguments)
            #expect(end.status == .exited(2))
            #expect(end.text.split(separator: "\n").count == 1)
        }
        #expect(try AgentProcess.output(["--version"]).text.hasPrefix("keystone-guest-agent "))
        #expect(try AgentProcess.output(["--help"]).status == .exited(0))
    }
}
