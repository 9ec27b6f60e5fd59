import Foundation
import Glibc
import Testing

@testable import SandboxController
@testable import keystone

/// `fix-ownership` through the built program, on a sandbox that has never been started. As root, so its share is `mapped`.
@Suite(.enabled(if: getuid() == 0)) struct FixOwnershipTests {
    private let program = Program()
    private let top: String

    init() throws {
        top = try program.scratch.repository("owned")
        chown(top, 4321, 4322)
        try Data("x".utf8).write(to: URL(fileURLWithPath: top + "/app"))
        try program.register([record("app", project: top), record("other", project: "/nonexistent")])
    }

    private func run(_ words: String..., in folder: String? = nil) throws -> Program.Result {
        try program.run(["agent", "fix-ownership"] + words, in: folder)
    }

    @Test func theWholeProjectIsFixedOnce() throws {
        let dry = try run("app", "--dry-run")
        #expect(
            dry.code == 0 && dry.output.contains("owner 4321:4322: 3 would be changed, 1 already right, 0 not fixed"))
        let first = try run(in: top)
        #expect(first.code == 0 && first.output.contains(": 3 changed, 1 already right"), "\(first)")
        let second = try run("app", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(second.output.utf8)) as? [String: Any]
        #expect(object?["changed"] as? Int == 0 && object?["seen"] as? Int == 4 && object?["userID"] as? Int == 4321)
        #expect(object?["shareSecurity"] as? String == "mapped" && object?["rightByConstruction"] as? Bool == false)
    }

    @Test func theFirstWordIsTheNameAndBehindTheSeparatorAllArePaths() throws {
        #expect(try run("app", in: top).output.contains(" 4 entries seen"))
        #expect(try run("--", "app", in: top).output.contains(" 1 entries seen"))
        #expect(try run("app", "app", top + "/.git").output.contains(" 3 entries seen"))
        #expect(try run(".git", in: top).output.contains(" 2 entries seen"))
    }

    @Test func whatCantBeFixedIsToldWithWhatToDo() throws {
        symlink("/etc/passwd", top + "/li\nnk")
        let result = try run("app")
        #expect(result.code == 1 && result.output.contains("    li\\nnk\n"), "\(result)")
        #expect(result.errors.contains("1 entry of the project could not be given the owner 4321:4322 in the guest."))
        #expect(result.errors.contains("`chown -h 4321:4322 PATH`"))
    }

    @Test(arguments: ["..", "/etc", "missing", "link", "link/passwd", "nmae"])
    func wrongPathsAreRefused(path: String) throws {
        symlink("/etc", top + "/link")
        let result = try run("app", path)
        #expect(result.code == 2 && result.output.isEmpty && result.errors.hasPrefix("keystone: "), "\(result)")
    }

    @Test func whatOnlyTheAgentCanDoNeedsASandboxThatRuns() throws {
        for words in [["--verify"], ["--guest-path", "/mnt"]] {
            let result = try program.run(["agent", "fix-ownership", "app"] + words)
            #expect(result.code == 4 && result.errors.contains("--verify and --guest-path"), "\(result)")
        }
        let relative = try run("app", "--guest-path", "mnt")
        #expect(relative.code == 2 && relative.errors.contains("not absolute"), "\(relative)")
        #expect(try run("app", "/workspace/app").output.contains(" 1 entries seen"))
    }

    @Test func aProjectThatIsGoneIsTold() throws {
        let result = try run("other")
        #expect(result.code == 2 && result.errors.contains("/nonexistent"), "\(result)")
    }
}
