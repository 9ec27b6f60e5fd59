import Foundation
import Testing

@testable import SandboxController

@Suite("Tokens and files of variables in config.json")
struct TokenSettingsTests {
    private func read(_ text: String) throws -> Configuration {
        let path = "/tmp/keystone-token-config-\(getpid())-\(UInt32.random(in: 0 ... .max)).json"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        return try Configuration.read(paths: [path])
    }

    @Test func everySourceIsUnderstood() throws {
        let configuration = try read(
            """
            {"tokens": {"A": {"env": "B"}, "C": {"file": "/run/agenix/c"}, "D": {"file": "~/d"},
             "E": {"command": ["pass", "show", "e"]}, "OPENAI_API_KEY": false}, "envFiles": [".env", "config/*.env"]}
            """)
        let sources = configuration.tokens
        #expect(sources.source(of: "A") == .environment("B") && sources.source(of: "C") == .file("/run/agenix/c"))
        #expect(sources.source(of: "D") == .file("~/d") && sources.source(of: "E") == .command(["pass", "show", "e"]))
        #expect(sources.source(of: "OPENAI_API_KEY") == nil && !sources.names.contains("OPENAI_API_KEY"))
        #expect(sources.source(of: "CLAUDE_CODE_OAUTH_TOKEN") == .environment("CLAUDE_CODE_OAUTH_TOKEN"))
        #expect(configuration.environmentFiles.map(\.text) == [".env", "config/*.env"])
        #expect(try read("{}").environmentFiles.isEmpty && configuration.warnings.isEmpty)
    }

    @Test(arguments: [
        (#"{"tokens": []}"#, "must be an object"), (#"{"tokens": {"A-B": false}}"#, "can't be the name of a token"),
        (#"{"tokens": {"PATH": {"env": "X"}}}"#, "PATH can't be a token"), (#"{"tokens": {"A": true}}"#, "\"A\" of"),
        (#"{"tokens": {"A": "canary"}}"#, "or false"), (#"{"tokens": {"A": {}}}"#, "or false"),
        (#"{"tokens": {"A": {"file": "x", "env": "Y"}}}"#, "or false"),
        (#"{"tokens": {"A": {"file": "relative"}}}"#, "absolute path"),
        (#"{"tokens": {"A": {"env": "a=b"}}}"#, "variable"),
        (#"{"tokens": {"A": {"command": "pass show x"}}}"#, "list of words"),
        (#"{"tokens": {"A": {"command": []}}}"#, "list of words"),
        (#"{"tokens": {"A": {"command": ["a", 1]}}}"#, "list of words"),
        (#"{"tokens": {"A": {"fil": "/x"}}}"#, "there is no source"), (#"{"envFiles": ".env"}"#, "list of patterns"),
        (#"{"envFiles": ["../.env"]}"#, "not a path inside a project"), (#"{"envFiles": ["/etc/env"]}"#, "not a path"),
        (#"{"envFiles": [""]}"#, "not a path"), (#"{"envFiles": ["a//b"]}"#, "not a path"),
    ])
    func whatIsWrongIsOneSentence(_ text: String, _ expected: String) {
        let error = #expect(throws: ControllerError.self) { try read(text) }
        #expect(error?.code == .configurationBroken)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false && error?.description.contains("canary") == false)
    }
}
