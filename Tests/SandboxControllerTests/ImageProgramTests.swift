import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct ImageProgramTests {
    private func shell(_ script: String) -> ProgramRunner { ProgramRunner(path: "/bin/sh", arguments: ["-c", script]) }

    @Test func outputErrorsAndStatusAreKept() throws {
        let outcome = try shell("echo out; echo wrong >&2; exit 3").run(deadline: .after(milliseconds: 10_000))
        #expect(outcome.text == "out\n" && outcome.lastError == "wrong" && outcome.status == .exited(3))
        #expect(!outcome.succeeded)
    }

    @Test func moreOutputThanTheLimitIsDroppedAndDoesNotBlock() throws {
        var runner = shell("yes | head -c 3000000; yes error | head -c 300000 >&2")
        runner.output = .capture(limit: 1000)
        let outcome = try runner.run(deadline: .after(milliseconds: 20_000))
        #expect(outcome.succeeded)
        #expect(outcome.output.count == 1000)
        #expect(outcome.errors.count <= 1024)
    }

    @Test func theDeadlineKillsTheProgramAndItsChildren() throws {
        let fixture = try ImageFixture()
        let script = "sleep 600 & echo $! >\(fixture.root)/child; wait"
        let error = #expect(throws: ControllerError.self) {
            _ = try shell(script).run(deadline: .after(milliseconds: 700))
        }
        #expect(error?.code == .timeout)
        let text = String(decoding: try fixture.read("child"), as: UTF8.self)
        let child = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        // The child was killed with its group; whoever reaps it now, it runs no more.
        if let handle = try? ProcessHandle(opening: child) {
            #expect(handle.waitForEnd(deadline: .after(milliseconds: 5_000)))
        }
    }

    @Test func aGrandchildThatHoldsThePipesDoesNotDelayTheEnd() throws {
        let fixture = try ImageFixture()
        let started = Deadline.now()
        let script = "sleep 30 & echo $! >\(fixture.root)/child; echo done"
        let outcome = try shell(script).run(deadline: .after(milliseconds: 20_000))
        #expect(outcome.text == "done\n" && Deadline.now() - started < 10_000_000_000)
        let text = String(decoding: try fixture.read("child"), as: UTF8.self)
        if let child = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) { kill(child, SIGKILL) }
    }

    @Test func aProgramThatIsNotThereIsToldByName() {
        #expect(throws: ControllerError.self) {
            _ = try ProgramRunner(path: "/no/such", arguments: []).run(deadline: .never)
        }
        #expect(ProgramPath.locate("no-such-program") == nil && ProgramPath.locate("") == nil)
        #expect(ProgramPath.locate("/etc/passwd") == nil && ProgramPath.locate("/tmp") == nil)
    }

    @Test func aShimIsPassedOverForTheProgramItself() throws {
        let fixture = try ImageFixture()
        try fixture.write("shims/tool", Array("#!/bin/sh\n".utf8), mode: 0o755)
        try fixture.write("bin/tool", Array("#!/bin/sh\n".utf8), mode: 0o755)
        let path = ["PATH": "\(fixture.root)/shims:\(fixture.root)/bin"]
        #expect(ProgramPath.locate("tool", environment: path) == fixture.root + "/bin/tool")
        #expect(
            ProgramPath.locate("tool", environment: ["PATH": fixture.root + "/shims"]) == fixture.root + "/shims/tool")
    }
}
