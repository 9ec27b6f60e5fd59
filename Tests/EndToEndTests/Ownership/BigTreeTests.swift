import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// A tree of 100,000 files of several users. The host fixes all of it; the guest verifies one part, since each entry costs
    /// it several round trips (all of it would take minutes under emulation).
    @Suite(.enabled(if: getuid() == 0)) struct BigTree {
        private static let user = SpawnRequest.Identity(userID: 4321, groupID: 4321, groups: [4321])

        /// 1,000 folders of 100 files, of four users, some read-only.
        private static func fill(_ project: Project) throws {
            let top = try FileDescriptor.open(project.folder, O_RDONLY | O_DIRECTORY)
            for folder in 0..<1000 {
                let name = folder % 100 == 7 ? "d\(folder)\nline" : "d\(folder)"
                guard mkdirat(top.rawValue, name, 0o755) == 0 else { throw SystemError("make \(name)") }
                let below = try top.open(name, O_RDONLY | O_DIRECTORY)
                for file in 0..<100 {
                    let owner = UInt32([0, 1, 4321, 65534][file % 4])
                    let made = openat(
                        below.rawValue, "f\(file)", O_CREAT | O_WRONLY | O_CLOEXEC, file % 10 == 0 ? 0o444 : 0o644)
                    fchown(made, owner, owner)
                    close(made)
                }
            }
        }

        /// Names and kinds that are seldom seen.
        private static func plant(_ project: Project) throws {
            let strange = project.path("strange")
            mkdir(strange, 0o755)
            var name =
                Array(strange.utf8CString.dropLast()) + [0x2F, CChar(bitPattern: 0xFF), 10, CChar(bitPattern: 0xC3), 0]
            close(open(&name, O_CREAT | O_WRONLY, 0o600))
            try project.write("strange/one", [])
            link(project.path("strange/one"), project.path("strange/two"))
            var current = try FileDescriptor.open(strange, O_RDONLY | O_DIRECTORY)
            let long = String(repeating: "l", count: 200)
            for _ in 0..<21 {
                guard mkdirat(current.rawValue, long, 0o755) == 0 else { throw SystemError("make a deep folder") }
                current = try current.open(long, O_RDONLY | O_DIRECTORY)
            }
            try current.open("deepest", O_CREAT | O_WRONLY, mode: 0o444).setNonBlocking(false)
        }

        @Test func aHundredThousandFilesAreFixedByTheHostAndVerifiedInTheGuest() throws {
            let project = try Project("big", owner: Self.user)
            try TestSandbox.with("big", project: project) { sandbox in
                // While nothing runs that might make files right as they appear.
                try sandbox.keystone.mustSucceed(["stop", sandbox.name])
                try Self.fill(project)
                try Self.plant(project)
                let socket = try UnixListenerFile(project.path("strange/socket"))
                defer { socket.close() }
                let first = try sandbox.fixOwnership()
                // The socket can't carry an owner.
                #expect(first.problems.map(\.code) == ["socket"] && first.guest.isEmpty, "\(first.problems)")
                #expect(first.changed >= 75_000 + 1000 + 20 && first.notFixed == 1 && first.complete, "\(first)")
                print("100,000 files: the host took \(first.seconds) s")

                try sandbox.startAgain()
                let again = try sandbox.fixOwnership()
                #expect(again.changed == 0 && again.alreadyRight == first.seen - 1)
                // A glance.
                #expect(again.guest.first.map { $0.calls <= 1 && $0.changed == 0 && $0.seen > 0 } == true, "\(again)")

                let part = try sandbox.fixOwnership("--verify", "strange", "d1", "d2", "d107\nline", within: 300)
                let guest = try #require(part.guest.first)
                #expect(guest.complete && guest.changed == 0 && guest.calls <= 1, "\(guest)")
                // Three folders of 100 files; strange with 21 folders, its deepest file, one file of two names, one of none
                // that is text, and the socket.
                #expect(guest.seen == 3 * 101 + 1 + 21 + 1 + 1 + 1 + 1, "\(guest)")
                #expect(guest.problems.map(\.code) == ["socket"])
            }
        }

        @Test func theAgentWalksMountsOfTheGuestWhileCommandsRunAndEndsWithItsAsker() throws {
            let project = try Project("walked", owner: Self.user)
            try TestSandbox.with("walked", project: project) { sandbox in
                for folder in 0..<40 {
                    mkdir(project.path("m\(folder)"), 0o755)
                    for file in 0..<100 { try project.write("m\(folder)/\(file)", []) }
                }
                // Long enough that commands meanwhile really are meanwhile.
                let walking = try sandbox.keystone.begin(["fix-ownership", "--json", sandbox.name, "--verify"])
                try waitUntilItWalks(sandbox)
                for _ in 0..<3 { #expect(try sandbox.exec("echo", "here", within: 20).line == "here") }
                #expect(!walking.process.hasEnded)
                try walking.send(SIGINT)
                _ = try walking.finish(within: 20)
                // Its walk has ended, or ends now: the next one is let in.
                let mount = """
                    mkdir -p /mnt/data && mount -t tmpfs data /mnt/data && cd /mnt/data && mkdir sub && i=0
                    while [ $i -lt 500 ]; do echo x > sub/$i; i=$((i+1)); done; ln -s sub link; mkfifo pipe; chmod 4755 sub/1
                    """
                #expect(try sandbox.exec(["sh", "-c", mount], options: ["-u", "root"]).code == 0)
                let answer = try settled(sandbox)
                let data = try #require(answer.guest.first { $0.root == "/mnt/data" })
                #expect(
                    data.seen == 504 && data.changed == 504 && data.calls == 504 && data.bitsCleared == 1, "\(data)")
                let owners = try sandbox.shell("stat -c '%u:%g %a' /mnt/data/sub/1 /mnt/data/link /mnt/data/pipe")
                #expect(owners.lines == ["4321:4321 755", "4321:4321 777", "4321:4321 644"], "\(owners)")
                let again = try sandbox.fixOwnership("--guest-path", "/mnt/data", "README.md")
                #expect(again.guest.last?.calls == 0 && again.guest.last?.alreadyRight == 504)
                for path in ["/etc", "/", "/run", "/tmp", "/none"] {
                    let refused = try sandbox.keystone.agent("fix-ownership", sandbox.name, "--guest-path", path)
                    #expect(refused.code == 1 && refused.isOneClearSentence, "\(path): \(refused)")
                }
            }
        }

        /// The agent's threads for it are there.
        private func waitUntilItWalks(_ sandbox: TestSandbox) throws {
            let script = """
                while ! grep -qs tree-walk /proc/[0-9]*/task/[0-9]*/comm; do :; done
                """
            #expect(try sandbox.exec(["sh", "-c", script], options: ["-u", "root"]).code == 0)
        }

        /// Refused only while an earlier walk ends.
        private func settled(_ sandbox: TestSandbox) throws -> OwnershipAnswer {
            let words = ["fix-ownership", "--json", sandbox.name, "--guest-path", "/mnt/data", "README.md"]
            let deadline = Deadline.after(milliseconds: 30_000)
            while true {
                let finished = try sandbox.keystone.agent(words)
                if finished.code == 0 { return try OwnershipAnswer.decode(finished) }
                guard finished.errorText.contains("at work on owners"), !deadline.hasPassed else {
                    throw Complaint("\(finished)")
                }
            }
        }
    }
}

/// A socket in the file system, without a path limit of its own to mind: it is bound where it is.
private final class UnixListenerFile {
    private let path: String
    private let raw: Int32

    init(_ path: String) throws {
        self.path = path
        raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < 108 else { throw Complaint("\(path) is too long for a socket") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(raw, $0, UInt32(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw SystemError("bind \(path)") }
    }

    func close() {
        Glibc.close(raw)
        unlink(path)
    }
}
