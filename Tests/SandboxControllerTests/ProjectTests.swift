import Foundation
import Testing

@testable import SandboxController

@Suite struct ProjectTests {
    /// A folder of a test's own, removed at its end.
    private final class Place {
        let path = "/tmp/keystone-project-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        init() { mkdir(path, 0o700) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func folder(_ name: String) throws -> String {
            try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
            return "\(path)/\(name)"
        }

        func file(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        }

        func repository(_ name: String) throws -> String {
            _ = try folder(name + "/.git")
            try file(name + "/.git/HEAD", "ref: refs/heads/main\n")
            return "\(path)/\(name)"
        }
    }

    @Test(arguments: ["plain", "with some spaces", "größe-日本", "a'b\"c", "tab\there"])
    func theTopIsFoundFromAnyFolderInside(_ name: String) throws {
        let place = Place()
        let top = try place.repository(name)
        let inside = try place.folder(name + "/x/y z")
        #expect(try GitProject.top(of: inside) == GitProject(top: top, kind: .main))
        #expect(try GitProject.top(of: top).top == top)
        #expect(try GitProject.top(of: top + "/x/../x/./").top == top)
    }

    @Test func aLinkToAProjectIsThatProject() throws {
        let place = Place()
        let top = try place.repository("real")
        try FileManager.default.createSymbolicLink(atPath: place.path + "/link", withDestinationPath: top)
        #expect(try GitProject.top(of: place.path + "/link").top == top)
    }

    @Test func aLinkedWorkTreeIsAProjectOfItsOwn() throws {
        let place = Place()
        let main = try place.repository("main")
        let linked = try place.folder("linked")
        try place.file("linked/.git", "gitdir: \(main)/.git/worktrees/linked\n")
        #expect(try GitProject.top(of: linked) == GitProject(top: linked, kind: .linkedWorktree))
        let inside = try place.folder("main/.worktrees/b")
        try place.file("main/.worktrees/b/.git", "gitdir: ../../.git/worktrees/b\n")
        #expect(try GitProject.top(of: inside) == GitProject(top: inside, kind: .linkedWorktree))
        let module = try place.folder("main/module")
        try place.file("main/module/.git", "gitdir: ../.git/modules/module\n")
        #expect(try GitProject.top(of: module) == GitProject(top: module, kind: .separate))
    }

    @Test func whatOnlyLooksLikeARepositoryIsPassedOver() throws {
        let place = Place()
        let top = try place.repository("outer")
        let empty = try place.folder("outer/empty/.git")
        #expect(try GitProject.top(of: (empty as NSString).deletingLastPathComponent).top == top)
        let file = try place.folder("outer/file")
        try place.file("outer/file/.git", "not a gitdir line")
        #expect(try GitProject.top(of: file).top == top)
        let pipe = try place.folder("outer/pipe")
        mkfifo(pipe + "/.git", 0o600)
        #expect(try GitProject.top(of: pipe).top == top)
    }

    @Test func outsideOfGitAndWrongPathsAreToldApart() throws {
        let place = Place()
        try place.file("file", "")
        func code(_ path: String) -> ControllerError.Code? {
            do throws(ControllerError) { _ = try GitProject.top(of: path) } catch { return error.code }
            return nil
        }
        #expect(code(place.path) == .noRepository)
        for path in ["", place.path + "/missing", place.path + "/file", "a\u{0}b"] {
            #expect(code(path) == .badPath, "\(path)")
        }
    }

    @Test func aNewNameIsTheFoldersAndNeverTaken() {
        #expect(DefaultSandbox.newName(project: "/src/My App", among: []) == "My-App")
        let taken = [registryRecord("app", project: "/other/app")]
        let second = DefaultSandbox.newName(project: "/src/app", among: taken)
        #expect(second.hasPrefix("app-") && second.utf8.count == 10)
        #expect(DefaultSandbox.newName(project: "/src/app", among: taken) == second)
        #expect(DefaultSandbox.newName(project: "/src/app", among: taken + [registryRecord(second)]) == "app-2")
        #expect(DefaultSandbox.newName(project: "/", among: []) == "sandbox")
    }

    @Test func theSandboxMeantIsTheProjectsOwn() throws {
        let place = Place()
        let top = try place.repository("app")
        let inside = try place.folder("app/x")
        let (own, other) = (SandboxPlace(name: "app", project: top), SandboxPlace(name: "second", project: top))
        #expect(try DefaultSandbox.find(from: inside, among: [own]) == own)
        #expect(try DefaultSandbox.find(from: inside, among: [other]) == other)
        #expect(try DefaultSandbox.find(from: inside, among: [other, own]) == own)
        // A plain folder inside that was shared with --no-git is nearer.
        let nearer = SandboxPlace(name: "near", project: inside)
        #expect(try DefaultSandbox.find(from: inside, among: [own, nearer]) == nearer)
        // A folder above the project is not the project.
        let above = SandboxPlace(name: "above", project: place.path)
        #expect(throws: ControllerError.self) { try DefaultSandbox.find(from: inside, among: [above]) }
        #expect(try DefaultSandbox.find(from: try place.folder("plain/y"), among: [above]) == above)
        let several = #expect(throws: ControllerError.self) {
            try DefaultSandbox.find(from: inside, among: [other, SandboxPlace(name: "third", project: top)])
        }
        #expect(several?.code == .usage && several?.message.contains("second, third") == true)
    }
}
