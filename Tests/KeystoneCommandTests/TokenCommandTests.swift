import Foundation
import Testing

@testable import SandboxController
@testable import keystone

@Suite struct TokenCommandTests {
    private let scratch = Scratch()

    private func plan(_ words: [String], configuration: String? = nil) throws -> StartRequest {
        let top = try scratch.repository("app")
        if let configuration {
            let folder = try scratch.folder(".config/keystone/agent")
            try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "/config.json"))
        }
        let parse = parse(
            (["agent", "start", "--state-dir", scratch.path + "/state"] + words + [top]).map { Word($0) })
        return try StartPlan.request(Invocation(parse, environment: ["HOME": scratch.path, "PATH": "/usr/bin:/bin"]))
    }

    @Test func aStartReadsTheSourcesUnlessToldNotTo() throws {
        let file = scratch.path + "/key"
        try Data("from-file\n".utf8).write(to: URL(fileURLWithPath: file))
        let configuration = """
            {"tokens": {"F_KEY": {"file": "\(file)"}, "C_KEY": {"command": ["printf", "from command"]}}, "envFiles": [".env"]}
            """
        let request = try plan([], configuration: configuration)
        #expect(Set(request.tokens.names).isSuperset(of: ["C_KEY", "F_KEY"]))
        #expect(request.environmentFiles.map(\.text) == [".env"])
        let none = try plan(["--no-tokens"], configuration: configuration)
        #expect(none.tokens.isEmpty && none.environmentFiles.count == 1)
    }

    @Test func aSourceThatFailsStopsTheStartBeforeItBegins() throws {
        let error = #expect(throws: ControllerError.self) {
            try plan([], configuration: #"{"tokens": {"K": {"file": "/nonexistent/key"}}}"#)
        }
        #expect(error?.message.contains("The token K can't be read") == true && error?.code == .configurationBroken)
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/state"))
        #expect(try plan(["--no-tokens"]).tokens.isEmpty)
    }

    @Test(arguments: [
        (["set", "A=canary"], 2, "can't be on the command line"), (["set"], 2, "needs a TOKEN"),
        (["set", "A-B"], 2, "can't be the name"), (["set", "PATH"], 2, "can't be a token"),
        (["set", "A", "--sandbox", "a/b"], 2, "not a sandbox name"),
        (["set", "A", "--sandbox", "none"], 3, "no sandbox named"),
        (["set", "A", "--sandbox", "app"], 4, "not running"), (["list", "app"], 4, "not running"),
        (["list", "none"], 3, "no sandbox named"), (["rotate", "--sandbox", "app"], 4, "not running"),
        (["revoke", "--sandbox", "app"], 2, "not said which"),
        (["revoke", "--all", "X", "--sandbox", "app"], 2, "contradict"),
        (["revoke", "--all", "--sandbox", "app"], 4, "not running"),
        (["revoke", "..", "--sandbox", "app"], 2, "can't be"),
        (["lst"], 2, "Did you mean"),
    ])
    func whatIsWrongIsOneSentence(_ words: [String], _ code: Int32, _ expected: String) throws {
        let program = Program()
        try program.register([record("app")])
        let result = try program.run(["agent", "tokens"] + words)
        #expect(result.code == code && result.errors.contains(expected), "\(result)")
        #expect(!result.errors.contains("canary"))
    }

    @Test func statusShowsNamesWhileItRuns() throws {
        var status = SandboxStatus(record: record("app"), state: .running, file: nil)
        #expect(StatusText.of(status, StateDirectory(root: "/s"), .plain).contains("none inside"))
        var file = StateFile(state: .running)
        file.tokens = ["A_KEY", "B"]
        status.file = file
        #expect(StatusText.of(status, StateDirectory(root: "/s"), .plain).contains("A_KEY, B"))
        #expect(try StatusDocument.json(status).contains("\"A_KEY\""))
        status.state = .stopped
        #expect(!StatusText.of(status, StateDirectory(root: "/s"), .plain).contains("A_KEY"))
    }
}
