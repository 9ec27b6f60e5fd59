import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("A project's own files of variables")
struct ProjectEnvironmentTests {
    private final class Folder {
        let path = NSTemporaryDirectory() + "keystone-dotenv-\(UUID().uuidString)"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        func write(_ name: String, _ text: String) throws {
            let file = URL(fileURLWithPath: "\(path)/\(name)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        func read(_ patterns: String...) -> ProjectEnvironment {
            ProjectEnvironment.read(patterns.compactMap(EnvironmentFilePattern.init), in: path)
        }
    }

    private func parse(_ text: String) -> [String] {
        DotenvText(Array(text.utf8)).entries.map { String(decoding: $0, as: UTF8.self) }
    }

    private func entries(_ found: ProjectEnvironment) -> [String] {
        found.environment.entries.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func linesAreReadAsDotenvToolsReadThem() {
        let text =
            "\u{FEFF}A=1\n\n # comment\nexport B = two words  # not this\r\nC='$x \\n # in'\nD=\"a\\nb\\\"\\$\\q\" # x\n"
            + "E=\nF=a#b\nG=\"two\nlines\"\nH='x'\nexport=y\nI=$HOME\nlast.of-all=1"
        #expect(
            parse(text) == [
                "A=1", "B=two words", "C=$x \\n # in", "D=a\nb\"$\\q", "E=", "F=a#b", "G=two\nlines", "H=x", "export=y",
                "I=$HOME", "last.of-all=1",
            ])
        #expect(parse("").isEmpty && parse("\r\n\r\n").isEmpty)
    }

    @Test func wrongLinesAreLeftOutByNumberAndNeverShown() {
        let text = DotenvText(
            Array("A=1\ncanary\n=canary\nB=\"canary\nC=2\n1D=canary\nE='x' canary\nF=can\0ary\nG=3".utf8))
        #expect(text.entries.map { String(decoding: $0, as: UTF8.self) } == ["A=1", "C=2", "G=3"])
        #expect(text.problems.map(\.line) == [2, 3, 4, 6, 7, 8])
        #expect(!text.problems.map(\.reason).joined().contains("canary"))
    }

    @Test func garbageIsSurvivedInBoundedTime() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let bytes = (0..<300).map { _ in Array("A=\"'\\\n# \0$é".utf8).randomElement(using: &random) ?? 0 }
            _ = DotenvText(bytes)
        }
        let quotes = DotenvText(Array(String(repeating: "A=\"\n", count: 9_000).utf8))
        #expect(quotes.problems.count <= 100)
    }

    /// The guest can write these files: a name alone must not fetch a variable of the host's.
    @Test func aNameAloneFetchesNothingOfTheHosts() throws {
        let folder = try Folder()
        try folder.write(".env", "HOME\nPATH\nA=${HOME}\nPATH=/evil\nUSER=x\n")
        let found = folder.read(".env")
        #expect(entries(found) == ["A=${HOME}"])
        #expect(found.warnings.count == 4 && found.warnings[0].hasPrefix(".env:1: "), "\(found.warnings)")
    }

    @Test func filesAreFoundByPatternAndLaterOnesWin() throws {
        let folder = try Folder()
        try folder.write(".env", "A=1\nB=1\n")
        try folder.write(".env.local", "B=2\n")
        try folder.write("config/b.env", "C=b\n")
        try folder.write("config/a.env", "C=a\nD=a\n")
        try folder.write(".hidden/x.env", "H=1\n")
        #expect(entries(folder.read(".env", ".env.local")) == ["A=1", "B=2"])
        #expect(entries(folder.read(".env.local", ".env")) == ["A=1", "B=1"])
        #expect(entries(folder.read(".env*", "*/*.env")) == ["A=1", "B=2", "D=a", "C=b"])
        #expect(entries(folder.read("none", "none/none", ".env/none")).isEmpty)
        #expect(folder.read("none", "none/none", ".env/none").warnings.isEmpty)
    }

    @Test func linksAreNotFollowedAndNothingHoldsUp() throws {
        let folder = try Folder()
        let secret = try Folder()
        try secret.write("secret", "A=canary\n")
        #expect(symlink(secret.path + "/secret", folder.path + "/.env") == 0)
        #expect(symlink(secret.path, folder.path + "/config") == 0)
        #expect(mkfifo(folder.path + "/fifo.env", 0o600) == 0)
        try FileManager.default.createDirectory(atPath: folder.path + "/dir.env", withIntermediateDirectories: true)
        try folder.write("big.env", "A=" + String(repeating: "x", count: 70_000))
        let found = folder.read(".env", "config/secret", "*.env")
        #expect(found.environment.isEmpty)
        #expect(found.warnings.count == 5, "\(found.warnings)")
        #expect(found.warnings[0].contains("link") && found.warnings[1].contains("link"))
        #expect(!found.warnings.joined().contains("canary"))
    }

    @Test func tooMuchIsLeftOutAndCounted() throws {
        let folder = try Folder()
        for index in 0..<70 {
            try folder.write("f\(index).env", "wrong\nV\(index)=" + String(repeating: "y", count: 9_000))
        }
        let found = folder.read("*.env")
        #expect(found.warnings.count == 6 && found.warnings[5].contains("more"), "\(found.warnings)")
        #expect(found.environment.encoded().count <= SessionEnvironment.limit)
        #expect(ProjectEnvironment.read([], in: "/nonexistent").warnings.isEmpty)
        #expect(folder.read(".env").warnings.isEmpty)
    }
}
