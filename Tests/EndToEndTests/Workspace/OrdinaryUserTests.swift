import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Everything as a user without rights: the share is `none`, modes and links are what they are.
    @Suite(.enabled(if: getuid() == 0)) struct OrdinaryUser {
        private static let user = SpawnRequest.Identity(userID: 54321, groupID: 54321, groups: [54321])

        @Test func aSandboxOfAnOrdinaryUser() throws {
            let project = try Project("of-user", owner: Self.user)
            let keystone = try Keystone(of: Self.user, home: "home-of-user", in: project.folder)
            try TestSandbox.with("of-user", keystone: keystone, project: project) { sandbox in
                try sandbox.keystone.mustSucceed(["status", "of-user", "--json"])
                let file = try String(contentsOfFile: sandbox.directory.stateFile("of-user"), encoding: .utf8)
                #expect(file.contains("\"shareSecurity\" : \"none\""), "\(file)")
                #expect(Self.owners(sandbox) == [54321])
                try project.write("from-host", Array("host".utf8), mode: 0o755)
                let script = """
                    cd /workspace; cat from-host; echo; echo guest > made; chmod 755 made; mkdir made-folder; ln -s made made-link
                    stat -c '%a' made made-folder; readlink made-link; stat -c %u made
                    """
                let finished = try sandbox.shell(script)
                #expect(finished.lines == ["host", "755", "755", "made", "54321"], "\(finished)")
                var made = stat()
                #expect(
                    lstat(project.path("made"), &made) == 0 && made.st_mode & 0o7777 == 0o755 && made.st_uid == 54321)
                var link = stat()
                #expect(lstat(project.path("made-link"), &link) == 0 && link.st_mode & S_IFMT == S_IFLNK)
                #expect(try sandbox.exec("chown", "0:0", "/workspace/made").code != 0)
                // The user can do all of it without root: a second start, and a stop that leaves nothing.
                try sandbox.startAgain(["--fresh"])
                #expect(try sandbox.exec("cat", "/workspace/made").line == "guest")
                try sandbox.keystone.mustSucceed(["stop", "of-user"])
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
            }
        }

        @Test func anotherUsersSandboxIsOutOfReach() throws {
            let sandbox = try SharedSandbox.get()
            var keystone = sandbox.keystone
            keystone.identity = Self.user
            keystone.folder = "/"
            let finished = try keystone.agent("exec", sandbox.name, "--", "true")
            #expect(finished.code == 125 && finished.isOneClearSentence, "\(finished)")
            // Straight to the sockets: the folder is closed to others.
            for socket in [sandbox.directory.controlSocket(sandbox.name), sandbox.directory.vsockSocket(sandbox.name)] {
                var request = SpawnRequest(
                    path: "/usr/bin/stat", arguments: [socket], environment: [], descriptors: [])
                request.identity = Self.user
                #expect(try Running(request).finish().code != 0)
            }
        }

        /// Who runs the sandbox's processes.
        private static func owners(_ sandbox: TestSandbox) -> Set<Int> {
            Set(
                Traces.of(sandbox).processes.compactMap { process in
                    (try? String(contentsOfFile: "/proc/\(process.number)/status", encoding: .utf8)).map {
                        ProcessFigures.field("Uid", $0)
                    }
                })
        }
    }
}
