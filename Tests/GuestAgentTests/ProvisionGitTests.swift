import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

@Suite(.enabled(if: GuestTree.canRun)) struct ProvisionGitTests {
    let guest: GuestTree
    init() throws { guest = try GuestTree() }

    private func run(_ name: String, _ directories: [String] = ["/workspace"]) -> ProvisionReport.Result? {
        guest.run(
            .git,
            ProvisionRequest(
                steps: [], gitIdentity: .init(name: name, email: "me@example.org"), safeDirectories: directories))
    }

    static var git: String? { ["/usr/bin/git", "/usr/local/bin/git"].first { access($0, X_OK) == 0 } }

    /// What git reads, to its NUL.
    private func asGit(_ key: String) throws -> [String] {
        let pipe = try FileDescriptor.pipe()
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let reader = pipe.first
        var writer = pipe.second
        let child = try ChildProcess.spawn(
            SpawnRequest(
                path: try #require(ProvisionGitTests.git),
                arguments: ["config", "--file", guest.folder + "/etc/gitconfig", "--null", "--get-all", key],
                environment: [], descriptors: [nothing.rawValue, writer.rawValue, 2]))
        writer = FileDescriptor(owning: -1)
        let bytes = try reader.readAll(limit: 65536, deadline: .after(milliseconds: 10_000))
        _ = try child.reap()
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        .enabled(if: ProvisionGitTests.git != nil),
        arguments: [
            "Plain Name", "\"quoted\" \\ back", " edges ", "a # b ; c", "%s %(prefix) $HOME `x`", "Ünïcödé ✓ 名前",
            "tab\there", "line\nfeed\n", "bell\u{7}\u{8}\u{1B}", "cr\rcr\r", "\\n", "[section] = x",
        ])
    func gitReadsTheNameThatWasMeant(_ name: String) throws {
        #expect(run(name, ["/workspace", "/with \"quotes\"\\ and\nlines"])?.outcome == .done)
        #expect(try asGit("user.name") == [name])
        #expect(try asGit("user.email") == ["me@example.org"])
        #expect(try asGit("safe.directory") == ["/workspace", "/with \"quotes\"\\ and\nlines"])
    }

    @Test func whatIsAroundTheBlockStaysAndASecondRunChangesNothing() throws {
        try guest.write("/etc/gitconfig", "[core]\n\tpager = cat")
        #expect(run("A")?.outcome == .done)
        #expect(run("B")?.outcome == .done)
        let text = guest.text("/etc/gitconfig")
        #expect(text.hasPrefix("[core]\n\tpager = cat\n# >>>") && text.contains("\"B\"") && !text.contains("\"A\""))
        let before = guest.picture()
        #expect(run("B")?.outcome == .unchanged)
        #expect(guest.picture() == before)
    }

    @Test func whatGitCanNotHoldIsRefused() {
        #expect(run("")?.outcome == .failed)
        for path in ["*", "relative", "/*", "/home/*", "~/x"] {
            #expect(run("A", [path])?.outcome == .failed, "\(path)")
        }
        #expect(guest.status("/etc/gitconfig") == nil)
    }

    @Test func aConfigurationInTheStoreIsLeft() {
        symlink("/nix/store/x/gitconfig", guest.folder + "/etc/gitconfig")
        #expect(run("A")?.note.contains("symbolic link") == true)
    }
}
