import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Where tokens come from")
struct TokenSourceTests {
    private final class Room {
        let path = NSTemporaryDirectory() + "keystone-tokens-\(UUID().uuidString)"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        func write(_ name: String, _ bytes: [UInt8]) throws -> String {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
            return "\(path)/\(name)"
        }
    }

    private let environment = ["PATH": "/usr/bin:/bin"]

    private func read(_ source: TokenSource) throws -> [UInt8]? {
        try source.read("KEY", environment: environment)?.reveal()
    }

    private func failure(_ source: TokenSource) -> String {
        #expect(throws: ControllerError.self) { try read(source) }?.description ?? ""
    }

    @Test func filesLoseOneLineFeedAndKeepEverythingElse() throws {
        let room = try Room()
        #expect(try read(.file(try room.write("a", Array("v\n\n".utf8)))) == Array("v\n".utf8))
        #expect(try read(.file(try room.write("b", [0, 255, 13, 10]))) == [0, 255, 13])
        let large = [UInt8](repeating: 65, count: 65536)
        #expect(try read(.file(try room.write("c", large + [10]))) == large)
        #expect(symlink("c", room.path + "/link") == 0)
        #expect(try read(.file(room.path + "/link")) == large)
        #expect(try TokenSource.file("~/b").read("KEY", environment: ["HOME": room.path])?.count == 3)
    }

    @Test func filesThatGiveNothingAreSentences() throws {
        let room = try Room()
        #expect(failure(.file(try room.write("empty", [10]))).contains("The token KEY is empty"))
        #expect(failure(.file(try room.write("big", [UInt8](repeating: 1, count: 65538)))).contains("64 KiB"))
        #expect(failure(.file(try room.write("edge", [UInt8](repeating: 1, count: 65537)))).contains("64 KiB"))
        #expect(failure(.file(room.path + "/none")).contains("No such file"))
        #expect(failure(.file(room.path)).contains("not an ordinary file"))
        #expect(mkfifo(room.path + "/fifo", 0o600) == 0)
        #expect(failure(.file(room.path + "/fifo")).contains("not an ordinary file"))
    }

    @Test func commandsRunWithoutAShell() throws {
        let room = try Room()
        #expect(try read(.command(["printf", "%s|%s\\n", "$HOME", "a b"])) == Array("$HOME|a b".utf8))
        #expect(failure(.command(["no-such-program-1"])).contains("there is no program"))
        #expect(failure(.command(["sh", "-c", "echo canary; echo locked >&2; exit 3"])).contains("locked"))
        #expect(!failure(.command(["sh", "-c", "echo canary; exit 3"])).contains("canary"))
        #expect(failure(.command(["true"])).contains("is empty"))
        #expect(failure(.command(["head", "-c", "70000", "/dev/zero"])).contains("64 KiB"))
        #expect(TokenSource.command(["\(room.path)/pass", "canary"]).text == "command pass")
    }

    @Test func variablesAreReadFromTheProcessByteForByte() throws {
        setenv("KEYSTONE_TEST_TOKEN_1", "a\u{1}=b ", 1)
        defer { unsetenv("KEYSTONE_TEST_TOKEN_1") }
        #expect(try read(.environment("KEYSTONE_TEST_TOKEN_1")) == Array("a\u{1}=b ".utf8))
        #expect(try read(.environment("KEYSTONE_TEST_TOKEN_NOT_SET")) == nil)
    }

    @Test func theKnownOnesAreReadWhereTheyAreSetAndConfigurationWins() throws {
        setenv("GEMINI_API_KEY", "known", 1)
        setenv("KEYSTONE_TEST_TOKEN_2", "other", 1)
        defer { for name in ["GEMINI_API_KEY", "KEYSTONE_TEST_TOKEN_2"] { unsetenv(name) } }
        var sources = TokenSources()
        sources.configured = [
            "MINE": .environment("KEYSTONE_TEST_TOKEN_2"), "ABSENT": .environment("KEYSTONE_TEST_NOT_SET"),
        ]
        var warnings: [String] = []
        let set = try sources.read(environment: environment) { warnings.append($0) }
        #expect(set.names.contains("GEMINI_API_KEY") && set.names.contains("MINE") && !set.names.contains("ABSENT"))
        #expect(warnings.count == 1 && warnings[0].contains("ABSENT"))
        sources.configured["GEMINI_API_KEY"] = .some(nil)
        #expect(try !sources.read(environment: environment) { _ in }.names.contains("GEMINI_API_KEY"))
        #expect(try sources.read(["MINE"], environment: environment) { _ in }.names == ["MINE"])
        #expect(sources.source(of: "PATH") == nil)
    }

    @Test func whatIsReadLeavesNoCoreDump() throws {
        _ = try TokenSources().read([], environment: environment) { _ in }
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 && limit.rlim_cur <= 1)
    }
}
