import Foundation
import Testing

@testable import SandboxController
@testable import keystone

@Suite struct ProvisionCommandTests {
    private let scratch = Scratch()

    private func plan(_ words: [String]) throws -> StartRequest {
        let top = try scratch.repository("app")
        let parse = parse(
            (["agent", "start", "--state-dir", scratch.path + "/state"] + words + [top]).map { Word($0) })
        return try StartPlan.request(Invocation(parse, environment: ["HOME": scratch.path]))
    }

    private func values(_ request: StartRequest) -> [String] {
        request.environment.entries.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func variablesComeFromFilesAndThenFromFlags() throws {
        let file = scratch.path + "/vars"
        try Data("A=file\nB=file\n# C=1\nHOME\n".utf8).write(to: URL(fileURLWithPath: file))
        let request = try plan(["--env", "A=flag", "--env-file", file, "-e", "NOT_SET_ANYWHERE_1", "--env", "D="])
        let home = String(cString: getenv("HOME"))
        #expect(values(request) == ["B=file", "HOME=" + home, "A=flag", "D="])
    }

    @Test func whoCommitsIsKeptAndToldToThisStart() throws {
        let request = try plan(["--git-name", "Ada \"A\" 100% ✓", "--git-email=ada@example.org"])
        #expect(request.settings.gitName == "Ada \"A\" 100% ✓" && request.settings.gitEmail == "ada@example.org")
        #expect(request.git == GitOverride(name: "Ada \"A\" 100% ✓", email: "ada@example.org"))
        #expect(try plan([]).git == GitOverride())
        let kept = try JSONDecoder().decode(
            SandboxSettings.self, from: try JSONEncoder().encode(request.settings))
        #expect(kept == request.settings)
    }

    @Test(arguments: [
        ["--env", "=canary"], ["--env-file", "/nonexistent"], ["--env-file="], ["--git-name", ""],
        ["--git-name", "a\nb"], ["--git-email", "<x>"], ["--git-email", "  "],
    ])
    func whatIsWrongIsSaidBeforeAnythingIsDone(_ words: [String]) throws {
        let error = #expect(throws: ControllerError.self) { try plan(words) }
        #expect(error?.code == .usage || error?.code == .badPath)
        #expect(error?.message.contains("\n") == false)
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/state"))
    }

    @Test func stepsAreSuggestedAndNothingRunsWithoutASandbox() throws {
        let program = Program()
        try program.register([record("app")])
        let wrong = try program.run(["agent", "provision", "app", "--only", "hostnam"])
        #expect(wrong.code == 2 && wrong.errors.contains("Did you mean hostname?"), "\(wrong)")
        let unknown = try program.run(["agent", "provision", "app", "--only", "zzz"])
        #expect(unknown.code == 2 && unknown.errors.contains("machine-id"), "\(unknown)")
        let stopped = try program.run(["agent", "provision", "app"])
        #expect(stopped.code == 4 && stopped.errors.contains("not running"), "\(stopped)")
        #expect(try program.run(["agent", "provision", "none"]).code == 3)
    }

    @Test func statusShowsTheUserAndWhatFailed() throws {
        var status = SandboxStatus(record: record("app"), state: .running, file: nil)
        var file = StateFile(state: .running)
        file.guestUser = GuestUser(name: "sandbox", userID: 1234, groupID: 1234)
        file.provisioned = [
            ProvisionRecord(.init(.user, .done)), ProvisionRecord(.init(.git, .failed, "no\u{1B} space")),
        ]
        status.file = file
        let text = StatusText.of(status, StateDirectory(root: "/s"), .plain)
        #expect(text.contains("sandbox (uid 1234)") && text.contains("git failed: no\\u{1B} space"), "\(text)")
        let json = try StatusDocument.json(status)
        #expect(json.contains("\"userID\" : 1234") && json.contains("\"outcome\" : \"failed\""))
        status.state = .stopped
        #expect(!StatusText.of(status, StateDirectory(root: "/s"), .plain).contains("uid 1234"))
    }
}
