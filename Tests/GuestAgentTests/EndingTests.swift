import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// How sessions end, and what they leave.
@Suite struct EndingTests {
    let agent: TestAgent
    init() throws { agent = try TestAgent() }

    private func processID(in text: String) throws -> pid_t {
        try #require(text.split(separator: "\n").compactMap { pid_t($0) }.first)
    }

    @Test func orphanThatHoldsStdoutIsWaitedForOnlyForTheGrace() throws {
        let start = Deadline.now()
        let connection = try agent.start(.shell("sleep 100 & echo $!; exit 4"))
        let result = try connection.result()
        let milliseconds = (Deadline.now() - start) / 1_000_000
        let exit = try #require(result.exit)
        #expect(exit.outcome == .code(4))
        #expect(exit.truncated)
        #expect((400...10_000).contains(milliseconds))
        // What a command leaves in the background goes on, as with `docker exec`.
        let orphan = try processID(in: result.text)
        #expect(kill(orphan, 0) == 0)
        kill(orphan, SIGKILL)
    }

    @Test func backgroundChildThatHoldsNoOutputDelaysNothing() throws {
        let result = try agent.run("sleep 100 >/dev/null 2>&1 & echo $!")
        // The grace, had it been waited for, would end in a truncation.
        #expect(result.exit?.truncated == false)
        kill(try processID(in: result.text), SIGKILL)
    }

    @Test func outputInThePipeIsNotCutByTheGraceOfAnOrphan() throws {
        // The reader is slow: it starts to read only once the grace is long over.
        let size = 12 * 1024 * 1024
        let connection = try agent.start(.shell("sleep 1.5 & head -c \(size) /dev/zero; exit 5"))
        let command = pid_t(try connection.next(.started).decode(Started.self).processID)
        let first = try connection.next(.standardOutput).payload.count
        _ = poll(nil, 0, 700)
        #expect(kill(command, 0) == 0)
        let result = try connection.result()
        #expect(result.exit?.outcome == .code(5))
        #expect(result.output.count + first == size)
    }

    @Test func lossOfTheHostEndsTheCommandAndItsChildren() throws {
        let connection = try agent.start(.shell("trap '' HUP TERM; sleep 100 & echo $!; wait; wait; sleep 100"))
        let command = pid_t(try connection.next(.started).decode(Started.self).processID)
        let child = try processID(in: try connection.output(until: "\n"))
        let start = Deadline.now()
        connection.close()
        #expect(Processes.waitUntilGone(command))
        #expect(Processes.waitUntilGone(child))
        #expect((Deadline.now() - start) / 1_000_000 < 2000)
    }

    @Test func lossOfAHostThatDoesNotReadEndsTheCommand() throws {
        let connection = try agent.start(.init(["/usr/bin/yes"]))
        let command = pid_t(try connection.next(.started).decode(Started.self).processID)
        connection.close()
        #expect(Processes.waitUntilGone(command))
    }

    @Test func cancelEndsACommandThatIgnoresTermination() throws {
        let connection = try agent.start(.shell("trap '' TERM; echo ready; while :; do sleep 0.1; done"))
        try connection.output(until: "ready")
        try connection.send(.cancel)
        let exit = try #require(try connection.result().exit)
        #expect(exit.outcome == .signal(9))
        #expect(exit.timedOut == false)
    }

    @Test func timeoutEndsTheCommandAndSaysSo() throws {
        var request = ExecRequest(["/bin/sleep", "100"])
        request.timeoutMilliseconds = 100
        let exit = try #require(try agent.run(request).exit)
        #expect(exit.outcome == .signal(15))
        #expect(exit.timedOut)
        request = ExecRequest(["/bin/true"])
        request.timeoutMilliseconds = 60_000
        #expect(try agent.run(request).exit?.timedOut == false)
    }

    @Test func stoppedCommandCanBeCancelled() throws {
        let connection = try agent.start(.shell("echo ready; kill -STOP $$; echo continued"))
        try connection.output(until: "ready")
        try connection.send(.cancel)
        #expect(try connection.result().exit?.outcome == .signal(15))
    }

    @Test func detachedSessionOutlivesItsConnection() throws {
        let fifo = agent.folder + "/fifo"
        mkfifo(fifo, 0o600)
        var request = ExecRequest.shell("read line < \(fifo); echo got $line > \(fifo)")
        request.detached = true
        let connection = try agent.start(request)
        let started = try connection.next(.started).decode(Started.self)
        #expect(try connection.next()?.kind == .accepted)
        #expect(try connection.next() == nil)
        #expect(kill(pid_t(started.processID), 0) == 0)
        try SmallFile.write(fifo, "hello\n")
        #expect(try String(decoding: SmallFile.read(fifo), as: UTF8.self) == "got hello\n")
    }

    @Test func slowReaderGetsEverythingAndHoldsUpNobodyElse() throws {
        let slow = try agent.start(.init(["/usr/bin/head", "-c", "8388608", "/dev/zero"]))
        _ = try slow.next(.started)
        for _ in 0..<5 { #expect(try agent.run("echo quick").text == "quick\n") }
        #expect(try slow.result().output.count == 8_388_608)
    }

    @Test func manySessionsAtOnceEndRightAndLeaveNoDescriptor() throws {
        #expect(try agent.run("true").exit?.outcome == .code(0))
        let before = Processes.openDescriptors
        for _ in 0..<2 {
            let connections = try (0..<300).map { try agent.start(.shell("echo \($0); exit \($0 % 200)")) }
            for (index, connection) in connections.enumerated() {
                let result = try connection.result()
                #expect(result.text == "\(index)\n")
                #expect(result.exit?.outcome == .code(UInt8(index % 200)))
                connection.close()
            }
        }
        #expect(agent.waitUntilIdle())
        // Other suites run beside this one in the same process; a leak would be one for each of 600 sessions.
        #expect(Processes.openDescriptors < before + 200)
    }
}
