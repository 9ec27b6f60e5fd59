import Foundation
import Testing

@testable import SandboxController
@testable import keystone

/// The built program as a script sees it: exit codes, and what goes to which stream.
@Suite struct ProgramTests {
    @Test(
        arguments: [
            (["agent", "nonsense"], 2), (["agent", "start", "--memory", "0"], 2), (["agent"], 2), ([], 2),
            (["agent", "status", "none"], 3),
            (["agent", "stop", "none"], 3), (["agent", "destroy", "none"], 3), (["agent", "restart", "none"], 3),
            (["agent", "exec", "none", "--", "ls"], 125),
            (["agent", "exec", "none", "ls"], 125), (["agent", "exec", "a/b", "--", "ls"], 125),
            (["agent", "status", "a\nb"], 2),
            (["agent", "exec", "--", "ls"], 125), (["agent", "exec", "--timeout", "x", "none", "--", "ls"], 125),
            (["agent", "image", "inspect", "none"], 5), (["agent", "start"], 2),
            (["agent", "start", "/nonexistent"], 2),
            (["agent", "stop"], 3), (["agent", "image", "import", "/nonexistent"], 2),
        ] as [([String], Int32)])
    func failuresHaveTheirCodeAndOneClearMessage(_ arguments: [String], _ code: Int32) throws {
        let result = try Program().run(arguments)
        #expect(result.code == code)
        #expect(result.output.isEmpty)
        let lines = result.errors.split(separator: "\n")
        if arguments.count > 1 {
            #expect(lines.first?.hasPrefix("keystone: ") == true, "\(result.errors)")
            #expect(lines.count <= (code == 125 ? 1 : 2), "\(result.errors)")
        }
        #expect(!result.errors.contains("\u{1B}"))
    }

    @Test func helpAndVersionGoToStdout() throws {
        let help = try Program().run(["agent", "exec", "--help"])
        #expect(help.code == 0 && help.errors.isEmpty && help.output.hasPrefix("Run a command in a sandbox."))
        let version = try Program().run(["--version"])
        #expect(version.code == 0 && version.output.hasPrefix("keystone "))
    }

    @Test func theOtherNameOfTheProgram() throws {
        let result = try Program().run(["exec", "none", "ls"], calledAs: "keystone-agent")
        #expect(result.code == 125)
        #expect(result.errors.contains("`keystone-agent exec -- none ls`"))
    }

    @Test func anEmptyListIsEmptyOnStdout() throws {
        let list = try Program().run(["agent", "list"])
        #expect(list.code == 0 && list.output.isEmpty && list.errors.contains("no sandbox yet"))
        #expect(try Program().run(["agent", "list", "--json"]).output == "[]\n")
        #expect(try Program().run(["agent", "list", "-q"]).errors.isEmpty)
    }

    @Test func lookingMakesNothing() throws {
        let program = Program()
        _ = try program.run(["agent", "list"])
        _ = try program.run(["agent", "exec", "x", "--", "ls"])
        #expect(!FileManager.default.fileExists(atPath: program.state))
    }

    @Test func knownSandboxesAreShownAndNearNamesAreSuggested() throws {
        let program = Program()
        try program.register([record("frontend", project: "/tmp/a b"), record("backend")])
        let list = try program.run(["agent", "list"])
        #expect(list.output.contains("frontend  created  -       8 GiB   4     /tmp/a b"), "\(list.output)")
        #expect(try program.run(["agent", "list", "--state", "running"]).output.isEmpty)
        let status = try program.run(["agent", "status", "backend", "--json"])
        let object = try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any]
        #expect(object?["state"] as? String == "created" && object?["name"] as? String == "backend")
        #expect(try program.run(["agent", "status", "backand"]).errors.contains("Did you mean backend?"))
        #expect(try program.run(["agent", "exec", "fronted", "--", "ls"]).errors.contains("Did you mean frontend?"))
        #expect(
            try program.run(["agent", "exec", "backend", "ls", "-l"]).errors.contains(
                "`keystone agent exec backend -- ls -l`"))
        #expect(
            try program.run(["agent", "exec", "-i", "backend"]).errors.contains(
                "`keystone agent exec -i backend -- COMMAND`"))
        let stopped = try program.run(["agent", "exec", "backend", "--", "ls"])
        #expect(stopped.code == 125 && stopped.errors.contains("not running"))
        #expect(try program.run(["agent", "stop", "backend"]).code == 4)
    }

    @Test func theSandboxOfTheProjectIsMeantWhereNoneIsNamed() throws {
        let program = Program()
        let top = try program.scratch.repository("my größe app")
        let inside = try program.scratch.folder("my größe app/deep/er")
        try program.register([record("one", project: top)])
        #expect(try program.run(["agent", "status"], in: inside).output.hasPrefix("one\n"))
        try program.register([record("one", project: top), record("two", project: top)])
        let several = try program.run(["agent", "status"], in: inside)
        #expect(several.code == 2 && several.errors.contains("one, two"))
        try program.register([record("one", project: top), record("my-gr-e-app", project: top)])
        #expect(try program.run(["agent", "status"], in: inside).output.hasPrefix("my-gr-e-app\n"))
    }

    @Test func aBrokenRegistryIsSetAsideAndSaid() throws {
        let program = Program()
        try program.register([record("kept")])
        try Data("{".utf8).write(to: URL(fileURLWithPath: program.state + "/sandboxes.json"))
        let list = try program.run(["agent", "list"])
        #expect(list.code == 0 && list.output.contains("kept"))
        #expect(list.errors.contains("sandboxes.json.broken-") && list.errors.contains("found again: kept"))
        #expect(try program.run(["agent", "list"]).errors.isEmpty)
    }

    @Test(arguments: [
        ("KEYSTONE_AGENT_MEMORY", "1"), ("KEYSTONE_AGENT_VCPUS", "x"), ("KEYSTONE_AGENT_BACKEND", "docker"),
    ])
    func wrongVariablesAreNamed(_ name: String, _ value: String) throws {
        let program = Program()
        let result = try program.run(["agent", "start", "--no-git"], environment: [name: value])
        #expect(result.code == 2 && result.errors.contains(name))
    }

    @Test func aNameOfAnotherProjectIsRefused() throws {
        let program = Program()
        let top = try program.scratch.repository("here")
        try program.register([record("taken", project: "/elsewhere")])
        let result = try program.run(["agent", "start", "--name", "taken"], in: top)
        #expect(result.code == 4 && result.errors.contains("`keystone agent start --name taken /elsewhere`"))
    }

    @Test func exitCodesCoverEveryKindOfFailure() {
        #expect(ExitCode(.noSuchSandbox) != ExitCode(.internal))
        #expect(Set(ExitCode.allCases.map(\.meaning)).count == ExitCode.allCases.count)
        for code in ExitCode.allCases where code.rawValue < 124 { #expect(code.rawValue < 8) }
    }
}
