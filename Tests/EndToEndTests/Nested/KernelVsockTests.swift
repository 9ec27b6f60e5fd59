import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// The kernel's vhost-vsock in place of our device, in a machine that has it.
    @Suite struct KernelVsock {
        @Test func carriesTheSameCommandsAndKeepsStrangersOut() throws {
            let host = try NestedHost()
            defer { host.end() }
            try host.waitUntilReady()
            try carriesTheSameCommands(host.inner)
            try carriesMuchAndMany(host.inner)
            try tellsWhoItIs(host)
            try strangersAreRefused(host)
            try nothingIsLeft(host)
        }

        private func carriesTheSameCommands(_ inner: TestSandbox) throws {
            let basics = ExecBasics(inner)
            try basics.standardOutputAndErrorStayApart()
            try basics.argumentsArriveAsTheyAre()
            try basics.environmentAndFolderAreSet()
            try basics.aFolderThatIsNotThereIsTold()
            try basics.commandsInheritNothingOfTheAgent()
            try basics.withoutATerminalStandardInputIsEmpty()
            let codes = ExitCodes(inner)
            try codes.theCommandsOwnCodeIsPassedOn(code: 7)
            try codes.aSignalIsTold(name: "TERM", code: 143)
            try codes.whatIsNotThereIs127(program: "no-such-program")
            try codes.whatCantBeExecutedIs126(program: "/etc/passwd")
            try Leftovers(inner).anOrphanThatHoldsNothingCostsNoTime()
        }

        private func carriesMuchAndMany(_ inner: TestSandbox) throws {
            let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
            let copied = try inner.exec(["cat"], options: ["-i"], input: .bytes(bytes), within: 300)
            #expect(copied.code == 0 && copied.output == bytes, "\(copied.output.count) bytes came back")
            let complaints = try Lanes.run(12, lanes: 4) { number in
                let finished = try inner.exec(["sh", "-c", "echo \(number); exit \(number)"], within: 300)
                guard finished.code == Int32(number), finished.line == "\(number)" else {
                    throw Complaint("\(finished)")
                }
            }
            #expect(complaints.isEmpty, "\(complaints)")
        }

        private func tellsWhoItIs(_ host: NestedHost) throws {
            let status = try host.inner.keystone.mustSucceed(["status", "inner", "--json"])
            let object = try #require(try JSONSerialization.jsonObject(with: Data(status.output)) as? [String: Any])
            #expect(object["vsock"] as? String == "vhost" && object["deviceProcess"] == nil, "\(status)")
            #expect((object["guestCID"] as? Int ?? 0) >= 0x1_0000)
        }

        /// Root of the host dials the guest without its secret, and its own context, which is not the guest's, the monitor.
        private func strangersAreRefused(_ host: NestedHost) throws {
            let status = try host.inner.keystone.mustSucceed(["status", "inner", "--json"])
            let object = try #require(try JSONSerialization.jsonObject(with: Data(status.output)) as? [String: Any])
            let (cid, machine) = (object["guestCID"] as? Int ?? 0, object["machineProcess"] as? Int ?? 0)
            let wrong = try #require(Secret([UInt8](repeating: 7, count: Secret.size)))
            let request = ExecRequest(arguments: ["touch", "/tmp/intruder"].map { Array($0.utf8) }).frame()
            let hello = Hello(role: .operation, secret: wrong).frame() + request
            func dial(_ context: Int, _ port: String, _ bytes: [UInt8], as user: String) throws -> Finished {
                try host.outer.exec(
                    ["keystone-guest-probe", "send", "\(context)", port], options: ["-i", "-u", user],
                    input: .bytes(bytes), within: 120)
            }
            for user in ["root", "nobody"] {
                let stranger = try dial(cid, "\(Ports.operations)", hello, as: user)
                #expect(stranger.line.hasPrefix("answered "), "\(stranger)")
            }
            #expect(try host.inner.exec("test", "-e", "/tmp/intruder").code == 1)
            // Where the monitor listens is in the credential, which root of that host can read in QEMU's memory file.
            let credential = try host.outer.exec(
                ["sh", "-c", "cat /proc/\(machine)/fd/7 | sed -n 's/^report //p'"], options: ["-u", "root"])
            let port = try #require(UInt32(credential.line), "\(credential)")
            #expect(port >= 1024)
            let visitor = try dial(1, "\(port)", Hello(role: .report, secret: wrong).frame(), as: "root")
            #expect(visitor.line == "answered 0 bytes", "\(visitor)")
            #expect(try host.inner.exec("echo", "alive").line == "alive")
        }

        private func nothingIsLeft(_ host: NestedHost) throws {
            try host.inner.keystone.mustSucceed(["stop", "inner"], within: 300)
            let left = try host.outer.exec(
                ["sh", "-c", "ls \(NestedHost.stateDirectory)/sandboxes/inner/state; ps | grep [q]emu-system"],
                options: ["-u", "root"])
            #expect(!left.text.contains(".sock") && !left.text.contains("qemu-system"), "\(left)")
        }
    }
}
