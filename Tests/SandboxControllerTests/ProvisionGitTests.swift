import AgentProtocol
import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Who commits in a guest")
struct ProvisionGitTests {
    /// A repository and a home of a test's own.
    private final class Room {
        let folder = NSTemporaryDirectory() + "keystone-git-\(UUID().uuidString)"
        var project: String { folder + "/project" }
        var environment: [String: String]

        init() throws {
            environment = ["HOME": folder, "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"]
            try FileManager.default.createDirectory(atPath: folder + "/project", withIntermediateDirectories: true)
            try git(["init", "-q", project])
        }
        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func git(_ words: [String]) throws {
            let git = try #require(ProgramPath.locate("git"))
            var runner = ProgramRunner(path: git, arguments: words)
            runner.environment = environment
            runner.environment["XDG_CONFIG_HOME"] = folder + "/xdg"
            #expect(try runner.run(deadline: .after(milliseconds: 20_000)).succeeded)
        }

        /// git gets this process's environment, so what a test wants of it comes through the lookup's own.
        func find(
            flags: GitOverride = GitOverride(), settings: GitOverride = GitOverride(), program: String? = nil
        ) -> (identity: ProvisionRequest.GitIdentity?, warning: String?) {
            GitIdentityLookup(
                project: project, flags: flags, settings: settings, environment: environment, program: program
            ).find()
        }
    }

    @Test(
        arguments: [
            ("Ada Lovelace <ada@example.org> 1700000000 +0100\n", "Ada Lovelace", "ada@example.org"),
            ("O'Neil \"Q\" 100%d <o@x> 1 -0730", "O'Neil \"Q\" 100%d", "o@x"),
            ("山田 太郎 🚀 <tarō@例え.jp> 1 +0000\n", "山田 太郎 🚀", "tarō@例え.jp"),
            ("a <b <c@d> 1 +0000", nil, nil), ("Name > more <c@d> 1 +0000", nil, nil),
            ("<only@mail> 1 +0000", nil, nil), (" <only@mail> 1 +0000", nil, nil), ("Name <> 1 +0000", nil, nil),
            ("Name <a@b>", nil, nil), ("Name <a@b> 1", nil, nil), ("Name <a@b> x +0000", nil, nil),
            ("Na\u{7}me <a@b> 1 +0000", nil, nil), ("", nil, nil), ("\n", nil, nil), ("> <", nil, nil),
        ] as [(String, String?, String?)])
    func identsAreReadOrRefused(_ text: String, _ name: String?, _ email: String?) {
        let found = GitIdent.parse(Array(text.utf8))
        #expect(found?.name == name && found?.email == email)
    }

    @Test func bytesThatAreNotTextAreRefused() {
        #expect(GitIdent.parse(Array("N".utf8) + [0xFF] + Array(" <a@b> 1 +0000".utf8)) == nil)
        #expect(GitIdent.parse(Array((String(repeating: "n", count: 1025) + " <a@b> 1 +0000").utf8)) == nil)
    }

    @Test func theProjectsOwnIdentityIsFoundWithIncludes() throws {
        let room = try Room()
        try room.git(["-C", room.project, "config", "user.name", "Søren \"S\" 50%"])
        try Data("[user]\n\temail = by-include@x.org\n".utf8).write(to: URL(fileURLWithPath: room.folder + "/more"))
        try room.git([
            "-C", room.project, "config", "includeIf.gitdir:\(room.project)/.path", room.folder + "/more",
        ])
        let found = room.find()
        #expect(found.identity == .init(name: "Søren \"S\" 50%", email: "by-include@x.org"), "\(found)")
        #expect(found.warning == nil)
    }

    @Test func whatIsSaidComesFirstAndWhatIsOpenComesFromGit() throws {
        let room = try Room()
        try room.git(["-C", room.project, "config", "user.name", "Git Name"])
        try room.git(["-C", room.project, "config", "user.email", "git@x.org"])
        let settings = GitOverride(name: "\"Kept\"", email: nil)
        #expect(room.find(settings: settings).identity == .init(name: "\"Kept\"", email: "git@x.org"))
        #expect(
            room.find(flags: GitOverride(email: "flag@x"), settings: settings).identity
                == .init(name: "\"Kept\"", email: "flag@x"))
        // The variable comes before what the sandbox was made with, and behind a flag.
        room.environment["GIT_AUTHOR_NAME"] = "Variable"
        #expect(room.find(settings: settings).identity?.name != "\"Kept\"")
        #expect(room.find(flags: GitOverride(name: "Flag"), settings: settings).identity?.name == "Flag")
    }

    @Test func nothingOfTheProjectRuns() throws {
        let room = try Room()
        let trap = room.folder + "/trap"
        try Data("#!/bin/sh\ntouch \(room.folder)/sprung\n".utf8).write(to: URL(fileURLWithPath: trap))
        chmod(trap, 0o755)
        for key in ["core.fsmonitor", "core.pager", "pager.var", "core.editor", "core.sshCommand", "alias.var"] {
            try room.git(["-C", room.project, "config", key, key == "alias.var" ? "!" + trap : trap])
        }
        try room.git(["-C", room.project, "config", "user.name", "N"])
        try room.git(["-C", room.project, "config", "user.email", "e@x"])
        #expect(room.find().identity == .init(name: "N", email: "e@x"))
        #expect(access(room.folder + "/sprung", F_OK) != 0)
    }

    @Test func whatGitCantSayIsOneSentenceWithAdvice() throws {
        let room = try Room()
        try Data("[user\n".utf8).write(to: URL(fileURLWithPath: room.project + "/.git/config"))
        let broken = room.find()
        #expect(broken.identity == nil && broken.warning?.contains("git says: bad config") == true, "\(broken)")
        #expect(broken.warning?.contains("--git-name") == true && broken.warning?.contains("\n") == false)
        let missing = room.find(program: "/nonexistent/git")
        #expect(missing.identity == nil && missing.warning?.contains("Cannot run") == true, "\(missing)")
        // Both said: git is not needed.
        let said = room.find(flags: GitOverride(name: "A", email: "b"), program: "/nonexistent/git")
        #expect(said.identity == .init(name: "A", email: "b") && said.warning == nil)
    }
}
