import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Who may do what: the boot secrets and those who don't have them.
    @Suite struct Trust {
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }

        @Test func theBootSecretsAreInNoFileAndNoCommandLine() throws {
            let endpoint = try GuestConnection.endpoint(sandbox: sandbox.name, in: sandbox.directory)
            let texts = [endpoint.secrets.host.revealHexadecimal(), endpoint.secrets.guest.revealHexadecimal()]
            #expect(texts.allSatisfy { $0.utf8.count == 64 })
            let folder = sandbox.directory.sandboxFolder(sandbox.name)
            var places = (FileManager.default.subpaths(atPath: folder) ?? []).map { folder + "/" + $0 }
            for process in try sandbox.processes().all {
                places += ["/proc/\(process)/cmdline", "/proc/\(process)/environ"]
            }
            for place in places {
                guard let data = FileManager.default.contents(atPath: place) else { continue }
                for text in texts { #expect(data.range(of: Data(text.utf8)) == nil, "a secret is in \(place)") }
            }
            let guest = try sandbox.shell(
                "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ /proc/cmdline 2>/dev/null | tr '\\0' '\\n'")
            for text in texts { #expect(!guest.text.contains(text)) }
        }

        @Test func anOrdinaryUserOfTheGuestCantReadTheCredential() throws {
            // The same guest path as in the agent: what root reads there, nobody else may.
            let credential = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/keystone.boot/raw"
            #expect(try sandbox.exec("cat", credential).text.contains("keystone-boot"))
            let user = try sandbox.exec(["cat", credential], options: ["-u", "nobody"])
            #expect(user.code != 0 && user.output.isEmpty, "\(user)")
            let script =
                "find /sys/firmware /run /etc /proc/1 -type f 2>/dev/null | xargs grep -l keystone-boot 2>/dev/null"
            let found = try sandbox.exec(["sh", "-c", script], options: ["-u", "nobody"])
            #expect(found.output.isEmpty, "\(found)")
        }

        /// What the agent answers to these bytes, up to its end of the conversation.
        private func answer(to bytes: [UInt8]) throws -> [UInt8] {
            let deadline = Deadline.after(milliseconds: 30_000)
            let path = sandbox.directory.vsockSocket(sandbox.name)
            let socket = OwnedDescriptor(try UnixSocket.connect(to: path, deadline: deadline))
            try socket.value.writeAll(Array("CONNECT \(Ports.operations)\n".utf8), deadline: deadline)
            // A stranger is cut off at any moment, so either of the two may fail.
            try? socket.value.writeAll(bytes, deadline: deadline)
            return (try? socket.value.readAll(limit: 1 << 20, deadline: deadline)) ?? []
        }

        @Test func whoeverHasNotTheSecretRunsNothing() throws {
            guard let wrong = Secret([UInt8](repeating: 7, count: Secret.size)) else { return }
            let request = ExecRequest(arguments: ["touch", "/tmp/intruder"].map { Array($0.utf8) }).frame()
            let answers = [
                try answer(to: Hello(role: .operation, secret: wrong).frame() + request), try answer(to: request),
            ]
            for bytes in answers {
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(text.utf8.count < 1024, "a stranger gets a sentence at most: \(text)")
            }
            #expect(try sandbox.exec("test", "-e", "/tmp/intruder").code == 1)
        }

        @Test func garbageHarmsNobody() throws {
            let running = try sandbox.begin(
                ["sh", "-c", "echo up; read -r line; echo $line"], options: ["-i"], input: .open)
            try running.wait(forOutput: "up")
            var random = SystemRandomNumberGenerator()
            for length in [1, 8, 5000, 300_000] {
                _ = try answer(to: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
            }
            _ = try answer(to: [UInt8](repeating: 0xFF, count: 100_000))
            running.write("unharmed\n")
            #expect(try running.finish().text == "up\nunharmed\n")
            #expect(try sandbox.exec("echo", "alive").line == "alive")
        }

        @Test func silentVisitorsAreManyAndHarmless() throws {
            let path = sandbox.directory.vsockSocket(sandbox.name)
            var visitors: [OwnedDescriptor] = []
            for _ in 0..<200 {
                let socket = try UnixSocket.connect(to: path, deadline: .after(milliseconds: 10_000))
                try socket.writeAll(Array("CONNECT \(Ports.operations)\n".utf8))
                visitors.append(OwnedDescriptor(socket))
            }
            let finished = try sandbox.exec("echo", "alive")
            #expect(finished.line == "alive" && finished.seconds < 10, "\(finished)")
            visitors = []
            #expect(try sandbox.exec("echo", "alive").line == "alive")
        }
    }
}
