import Foundation
import Glibc
import Testing

@testable import SandboxController
@testable import keystone

/// `forward` and `ports` through the built program, with sandboxes that don't run.
@Suite struct ForwardCommandTests {
    private let program = Program()
    private let top: String

    init() throws {
        top = try program.scratch.repository("stopped")
        try program.register([record("app", project: top), record("2026", project: "/nonexistent")])
    }

    @Test(
        arguments: [
            ("forward none 0:80", 3, "none"), ("forward app 0:80", 4, "app"), ("forward 0:80", 4, "app"),
            ("forward -- 0:80", 4, "app"), ("forward app -- 0:80", 4, "app"), ("forward 2026 -- 0:80", 4, "2026"),
            ("forward app", 4, "app"), ("forward", 4, "app"), ("forward app 0", 2, "\"0\""),
            ("forward app 70000", 2, "\"70000\""), ("forward app other 80", 2, "\"other\""),
            ("forward app /run/x", 2, "./guest.sock:/run/x"), ("forward app host:1:2", 2, "\"host\""),
            ("forward app 203.0.113.1:0:80", 2, "203.0.113.1"), ("forward --user= app 0:80", 2, "--user"),
            ("forward app /nonexistent/s:80", 2, "/nonexistent/s"), ("ports none", 3, "none"), ("ports app", 4, "app"),
            ("ports", 4, "app"), ("ports app more", 2, "more"),
        ])
    func whatCanNotBeForwardedIsToldInASentence(_ line: String, _ code: Int32, _ named: String) throws {
        let result = try program.run(["agent"] + line.split(separator: " ").map(String.init), in: top)
        #expect(result.code == code && result.output.isEmpty && result.errors.contains(named), "\(result)")
        #expect(result.errors.hasPrefix("keystone: ") && result.errors.split(separator: "\n").count <= 2, "\(result)")
    }

    @Test func nothingIsLeftOfAForwardThatDidNotBegin() throws {
        let result = try program.run(["agent", "forward", "app", "./s.sock:80"], in: top)
        #expect(result.code == 4 && access(top + "/s.sock", F_OK) != 0, "\(result)")
        try Data("kept".utf8).write(to: URL(fileURLWithPath: top + "/file"))
        let taken = try program.run(["agent", "forward", "app", "./file:80"], in: top)
        #expect(taken.code == 7 && access(top + "/file", F_OK) == 0, "\(taken)")
    }

    @Test func manyForwardsAreTooMany() throws {
        let words = (0..<65).map { _ in "0:80" }
        let result = try program.run(["agent", "forward", "app"] + words, in: top)
        #expect(result.code == 2 && result.errors.contains("64"), "\(result)")
    }
}
