import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Another user of the host, a process of the guest without root, and another VM: none of them reaches the agent, the
    /// monitor or the device.
    @Suite(.enabled(if: getuid() == 0)) struct Access {
        private static let stranger = SpawnRequest.Identity(userID: 54399, groupID: 54399, groups: [54399])
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }

        /// Connects as another user, sends what it is given and prints how many bytes came back, or why it could not.
        private static let visitor = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.settimeout(20)
            try:
                s.connect(sys.argv[1])
                s.sendall(bytes.fromhex(sys.argv[2]))
                n = 0
                while True:
                    piece = s.recv(4096)
                    if not piece: break
                    n += len(piece)
                print("bytes", n)
            except OSError as e: print("error", e.strerror)
            """

        private func visit(_ socket: String, _ bytes: [UInt8]) throws -> String {
            let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            var request = SpawnRequest(
                path: "/usr/bin/python3", arguments: ["-c", Self.visitor, socket, hex], environment: [],
                descriptors: [])
            request.identity = Self.stranger
            return try Running(request).finish().line
        }

        /// A request for the way to the agent, as the monitor's own clients send it.
        private var accessRequest: [UInt8] {
            var writer = FieldWriter()
            writer.put(1, ControlMessage.Kind.access.rawValue)
            return withUnsafeBytes(of: UInt32(writer.bytes.count).littleEndian) { Array($0) } + writer.bytes
        }

        @Test func anotherUserOfTheHostGetsNowhere() throws {
            let directory = sandbox.directory
            let control = directory.controlSocket(sandbox.name)
            let device = directory.vsockSocket(sandbox.name)
            let report = "\(device)_\(Ports.report)"
            let hello = Hello(role: .report, secret: try sandbox.endpoint().secrets.guest).frame()
            let attempts = [
                (control, accessRequest), (device, Array("CONNECT \(Ports.operations)\n".utf8)), (report, hello),
            ]
            for (socket, bytes) in attempts { #expect(try visit(socket, bytes) == "error Permission denied") }

            // Even where somebody opened every folder and socket to all, and the stranger knows the secret.
            let closed = Modes(["\(directory.root)/sandboxes", sandbox.folder, sandbox.stateFolder], 0o755)
            let opened = Modes([control, device, report, directory.root], 0o777)
            defer { withExtendedLifetime((closed, opened)) {} }
            for (socket, bytes) in attempts {
                let answer = try visit(socket, bytes)
                #expect(
                    ["bytes 0", "error Connection reset by peer", "error Broken pipe"].contains(answer),
                    "\(socket): \(answer)")
            }
            // The same bytes from ourselves are answered: it is the user that was refused.
            #expect(try sandbox.exec("echo", "alive").line == "alive")
        }

        @Test func aGuestProcessWithoutRootGetsNowhere() throws {
            // To the host's monitor, to the agent by the guest's own number and by loopback, and to nobody else's.
            for (cid, port) in [(2, 1023), (3, 1023), (1, 1023), (0, 1023), (4, 1023)] {
                let finished = try sandbox.exec(
                    ["keystone-guest-probe", "dial", "\(cid)", "\(port)"], options: ["-u", "nobody"])
                #expect(finished.line.hasPrefix("refused"), "CID \(cid): \(finished)")
            }
            let credential = try sandbox.exec(
                ["keystone-guest-probe", "hostile", "silent", "1"], options: ["-u", "nobody"])
            #expect(credential.code == 2 && credential.errorText.contains("secret can't be read"), "\(credential)")
            let signal = try sandbox.exec(["sh", "-c", "kill -9 1; kill -9 $PPID"], options: ["-u", "nobody"])
            #expect(signal.code != 0)
            #expect(try sandbox.exec("echo", "alive").line == "alive")
        }

        @Test func anotherMachineGetsNowhere() throws {
            // Another sandbox's guest has the same number and the same ports, and its own device, monitor and secrets.
            let other = try TestSandbox.start("neighbour", options: ["--network", "none"])
            defer { other.remove() }
            let secrets = try sandbox.endpoint().secrets
            let own = try other.endpoint().secrets
            #expect(!secrets.host.matches(own.host) && !secrets.guest.matches(own.guest))
            // With the first one's secrets nothing opens at the second one's.
            let endpoint = GuestConnection.Endpoint(
                address: try other.endpoint().address, secrets: secrets, sandbox: other.name)
            #expect(throws: ControllerError.self) {
                try GuestCommand.run(["touch", "/tmp/intruder"], at: endpoint, deadline: .after(milliseconds: 20_000))
            }
            #expect(try other.exec("test", "-e", "/tmp/intruder").code == 1)
            // And root of the second guest finds only its own host's ports.
            for cid in [2, 1, 0, 4] {
                let finished = try other.exec(
                    ["keystone-guest-probe", "dial", "\(cid)", "1023"], options: ["-u", "root"])
                #expect(finished.line.hasPrefix("refused"), "CID \(cid): \(finished)")
            }
            let lost = try sandbox.keystone.mustSucceed(["events", sandbox.name, "--json"]).text
            #expect(!lost.contains("agent.lost"), "the first one's agent noticed something")
        }

        /// Other modes for a while.
        private final class Modes {
            private let before: [(String, mode_t)]
            init(_ paths: [String], _ mode: mode_t) {
                before = paths.map { path in
                    var status = stat()
                    stat(path, &status)
                    chmod(path, mode)
                    return (path, status.st_mode & 0o7777)
                }
            }
            deinit { for (path, mode) in before { chmod(path, mode) } }
        }
    }
}

extension TestSandbox {
    var folder: String { directory.sandboxFolder(name) }
    func endpoint() throws -> GuestConnection.Endpoint { try GuestConnection.endpoint(sandbox: name, in: directory) }
}
