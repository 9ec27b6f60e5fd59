import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct MachineHostTests {
    private func failure(_ work: () throws -> Void) -> ControllerError? {
        do { try work() } catch { return error as? ControllerError }
        return nil
    }

    private func fakeQemu(_ fixture: ImageFixture, _ answer: String) throws -> [String: String] {
        try fixture.write(
            "bin/qemu", Array("#!/bin/sh\necho x >>\(fixture.root)/asked\necho '\(answer)'\n".utf8), mode: 0o755)
        return ["KEYSTONE_QEMU": fixture.root + "/bin/qemu"]
    }

    @Test func qemuIsAskedForItsVersionOnce() throws {
        let fixture = try ImageFixture()
        let environment = try fakeQemu(fixture, "QEMU emulator version 8.2.1 (Debian)")
        let cache = fixture.root + "/cache/qemu.json"
        for _ in 0..<3 {
            let qemu = try QemuProgram.locate(environment: environment, cache: cache)
            #expect(qemu.version == "8.2.1" && qemu.path == fixture.root + "/bin/qemu")
        }
        #expect(try fixture.read("asked").count == 2)
        // Another program in its place is asked again.
        _ = try fakeQemu(fixture, "QEMU emulator version 9.0.0")
        #expect(try QemuProgram.locate(environment: environment, cache: cache).version == "9.0.0")
    }

    @Test(arguments: [("7.2.22", true), ("8.0.4", true), ("8.1.0", false), ("8.2", false), ("10.0.2", false)])
    func onlyAnOldQemuKeepsStaleCode(_ version: String, _ expected: Bool) {
        #expect(QemuProgram(path: "/qemu", version: version, firmware: nil).keepsStaleCode == expected)
    }

    @Test func aQemuThatIsMissingOldOrNoneIsTold() throws {
        let fixture = try ImageFixture()
        #expect(
            failure { _ = try QemuProgram.locate(environment: ["KEYSTONE_QEMU": "no-qemu"]) }?.code == .missingProgram)
        let old = try fakeQemu(fixture, "QEMU emulator version 5.2.0")
        #expect(failure { _ = try QemuProgram.locate(environment: old) }?.message.contains("5.2.0") == true)
        let none = try fakeQemu(fixture, "hello")
        #expect(failure { _ = try QemuProgram.locate(environment: none) }?.code == .unsupported)
    }

    @Test func memoryIsRefusedWarnedOrFine() throws {
        let host = Preflight.Memory(total: 16000, available: 6000)
        #expect(try Preflight.checkMemory(4096, host: host) == nil)
        #expect(try Preflight.checkMemory(8192, host: host)?.contains("6000") == true)
        #expect(failure { _ = try Preflight.checkMemory(1 << 30, host: host) }?.code == .noMemory)
        #expect(
            failure { _ = try Preflight.checkMemory(1024, host: .init(total: 16000, available: 100)) }?.code
                == .noMemory)
        let here = try #require(Preflight.Memory.read())
        #expect(here.total > 0 && here.available <= here.total)
        #expect(Preflight.Memory.read("/etc/hostname") == nil)
    }

    @Test func aFullDiskIsRefusedBeforeAnythingIsMade() throws {
        try Preflight.checkDisk("/tmp/not/there/yet")
        #expect(failure { try Preflight.checkDisk("/tmp", mebibytes: 1 << 40) }?.code == .noSpace)
    }

    @Test(arguments: ["", "a/b", "a b", "..", "a:b", "sixteen-letters1", "x\n"]) func aBadInterfaceNameIsRefused(
        _ name: String
    ) {
        #expect(failure { try TapInterface.validate(name) }?.code == .usage)
    }

    @Test func whatTheBridgeHelperSaysReachesTheUser() throws {
        let fixture = try ImageFixture()
        try fixture.write(
            "helper", Array("#!/bin/sh\necho 'access denied by acl file' >&2\nexit 1\n".utf8), mode: 0o755)
        let error = failure { _ = try BridgeTap.open(bridge: "br0", helper: fixture.root + "/helper") }
        #expect(error?.code == .permission && error?.message.contains("access denied by acl file") == true)
        #expect(error?.advice?.contains("allow br0") == true)
        try fixture.write("helper", Array("#!/bin/sh\nexit 0\n".utf8), mode: 0o755)
        #expect(
            failure { _ = try BridgeTap.open(bridge: "br0", helper: fixture.root + "/helper") }?.message.contains(
                "no descriptor") == true)
    }

    @Test func theBridgeHelpersDescriptorIsTaken() throws {
        guard let python = ProgramPath.locate("python3") else { return }
        let fixture = try ImageFixture()
        let script = """
            #!\(python)
            import socket, os, array, sys
            assert sys.argv[1:] == ["--use-vnet", "--fd=3", "--br=br0"], sys.argv
            fd = os.open("/dev/null", os.O_RDWR)
            socket.socket(fileno=3).sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
            """
        try fixture.write("helper", Array(script.utf8), mode: 0o755)
        let tap = try BridgeTap.open(bridge: "br0", helper: fixture.root + "/helper")
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(tap.rawValue)") == "/dev/null")
    }
}
