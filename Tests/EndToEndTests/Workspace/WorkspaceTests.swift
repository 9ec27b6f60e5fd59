import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Files on the share, as MEASURED says they look from both sides. The tests run as root, so the share is `mapped`.
    @Suite(.enabled(if: getuid() == 0)) struct MappedWorkspace {
        let sandbox: TestSandbox
        var project: Project { sandbox.project }
        init() throws { sandbox = try SharedSandbox.get() }

        private func status(_ name: String) throws -> stat {
            var result = stat()
            guard lstat(project.path(name), &result) == 0 else { throw SystemError("look at \(name)") }
            return result
        }

        @Test func theShareOfRootIsMapped() throws {
            #expect(
                try SandboxController(directory: sandbox.directory).status(sandbox.name).file?.shareSecurity == "mapped"
            )
        }

        @Test(arguments: ["host-made", "host made with spaces", "hôst-mäde-✓", "-dash", "new\nline"])
        func aFileOfTheHostIsReadInTheGuest(name: String) throws {
            let hash = try project.writeRandom(name, mebibytes: 3)
            defer { project.remove(name) }
            #expect(try sandbox.exec("sha256sum", "/workspace/" + name).text.drop { $0 == "\\" }.hasPrefix(hash))
        }

        @Test(arguments: ["guest-made", "guest made with spaces", "güest-mäde-✓", "-dash"])
        func aFileOfTheGuestIsReadOnTheHost(name: String) throws {
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 7) }
            defer { project.remove(name) }
            let finished = try sandbox.exec(
                ["sh", "-c", "cat > \"$0\"", "/workspace/" + name], options: ["-i"], input: .bytes(bytes))
            #expect(finished.code == 0, "\(finished)")
            #expect(try project.read(name) == bytes)
        }

        @Test func changesAreSeenAtOnceOnBothSides() throws {
            defer { project.remove("shared-file") }
            for round in 0..<5 {
                try project.write("shared-file", Array("host \(round)".utf8))
                #expect(try sandbox.exec("cat", "/workspace/shared-file").text == "host \(round)")
                #expect(try sandbox.shell("printf 'guest \(round)' > /workspace/shared-file").code == 0)
                #expect(try String(decoding: project.read("shared-file"), as: UTF8.self) == "guest \(round)")
            }
        }

        @Test func modesOfTheHostAreSeenInTheGuest() throws {
            for (name, mode) in [("mode-755", 0o755), ("mode-644", 0o644), ("mode-600", 0o600)] as [(String, mode_t)] {
                try project.write(name, [], mode: mode)
                defer { project.remove(name) }
                #expect(try sandbox.exec("stat", "-c", "%a", "/workspace/" + name).line == String(mode, radix: 8))
            }
        }

        /// Waits until the monitor has looked. - Returns: whether the host has this mode then.
        private func comes(_ name: String, to mode: mode_t) -> Bool {
            let deadline = Deadline.after(milliseconds: 5_000)
            while (try? status(name).st_mode & 0o7777) != mode {
                if deadline.hasPassed { return false }
                sched_yield()
            }
            return true
        }

        @Test func modesOfTheGuestReachTheHostAsFarAsTheyMay() throws {
            defer { _ = try? sandbox.shell("rm -rf /workspace/made /workspace/made-folder /workspace/made-link") }
            let script = """
                cd /workspace; echo data > made; chmod 755 made; mkdir made-folder; chmod 775 made-folder; ln -s made made-link
                stat -c %a made made-folder; readlink made-link; cat made-link
                """
            let finished = try sandbox.shell(script)
            #expect(finished.lines == ["755", "775", "made", "data"], "\(finished)")
            // What others may not write in the project's folder they may not write in the guest's.
            #expect(comes("made", to: 0o755))
            #expect(comes("made-folder", to: 0o755))
            // A link of the guest's is a file on the host, so that it leads nowhere there.
            #expect(try status("made-link").st_mode & S_IFMT == S_IFREG)
            #expect(try String(decoding: project.read("made-link"), as: UTF8.self) == "made")
        }

        @Test func aLinkOfTheHostLeadsNowhereInTheGuest() throws {
            #expect(symlink("README.md", project.path("host-link")) == 0)
            #expect(symlink("/etc/hostname", project.path("outside-link")) == 0)
            defer {
                project.remove("host-link")
                project.remove("outside-link")
            }
            #expect(try sandbox.exec("cat", "/workspace/outside-link").code != 0)
            #expect(try sandbox.exec("cat", "/workspace/host-link").code != 0)
        }

        @Test func theGuestCantMakeASetUserFileOnTheHost() throws {
            defer { _ = try? sandbox.exec("rm", "-f", "/workspace/set-user") }
            #expect(try sandbox.shell("cp /bin/busybox /workspace/set-user; chmod 4755 /workspace/set-user").code == 0)
            #expect(comes("set-user", to: 0o755))
            #expect(try status("set-user").st_mode & 0o6000 == 0)
        }

        @Test func aFileCanBeWrittenThroughASharedMapping() throws {
            try project.write("mapped", Array("before and after".utf8))
            defer { project.remove("mapped") }
            let probe = "keystone-guest-probe"
            let finished = try sandbox.exec(probe, "map", "/workspace/mapped", "behind")
            #expect(finished.code == 0, "\(finished)")
            #expect(try String(decoding: project.read("mapped"), as: UTF8.self) == "behind and after")
        }

        @Test func gitWorksInTheGuest() throws {
            let script = "cd /workspace && git -c safe.directory=/workspace status --short --branch && git --version"
            let finished = try sandbox.shell(script)
            #expect(finished.code == 0 && finished.text.contains("README.md"), "\(finished)")
        }
    }
}
