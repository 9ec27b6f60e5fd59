import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct KernelVsockTests {
    @Test func anIdThatSomebodyHasIsNotTaken() throws {
        var (candidates, asked): ([UInt32], [UInt32]) = ([70_000, 70_001, 70_002], [])
        let vsock = try KernelVsock.claim(
            device: "/dev/null", candidate: { candidates.removeFirst() },
            claim: { (_, id) throws(SystemError) in
                asked.append(id)
                if id != 70_002 { throw SystemError("claim", code: EADDRINUSE) }
            })
        #expect(vsock.guestCID == 70_002 && asked == [70_000, 70_001, 70_002])
        #expect(fcntl(vsock.descriptor.rawValue, F_GETFD) == FD_CLOEXEC)
    }

    @Test func aKernelThatRefusesEveryIdIsNotAskedForEver() {
        var asked = 0
        let failure = #expect(throws: ControllerError.self) {
            try KernelVsock.claim(
                device: "/dev/null",
                claim: { (_, id) throws(SystemError) in
                    asked += 1
                    #expect(id >= 0x1_0000 && id < UInt32.max)
                    throw SystemError("claim", code: EADDRINUSE)
                })
        }
        #expect(failure?.code == .busy && asked == 64)
    }

    @Test func aKernelWithoutItIsToldWithWhatToDo() {
        let missing = #expect(throws: ControllerError.self) { try KernelVsock.claim(device: "/dev/no-such-device") }
        #expect(missing?.code == .unsupported && missing?.advice?.contains("modprobe vhost_vsock") == true)
        // Something else under that name: its ioctl is none.
        let other = #expect(throws: ControllerError.self) { try KernelVsock.claim(device: "/dev/null") }
        #expect(other?.code == .unsupported && other?.message.contains("claim vsock context") == true)
    }

    @Test func theReportPortTravelsInTheBootCredential() throws {
        let secrets = try BootSecrets.generate()
        let text = String(decoding: secrets.credential(reportPort: 1_234_567), as: UTF8.self)
        #expect(text.split(separator: "\n").last == "report 1234567")
        #expect(!String(decoding: secrets.credential(), as: UTF8.self).contains("report"))
    }

    @Test func theKindIsKeptWithTheSandbox() throws {
        var settings = SandboxSettings()
        #expect(settings.vsock == nil)
        settings.vsock = .vhost
        let data = try JSONEncoder().encode(settings)
        #expect(String(decoding: data, as: UTF8.self).contains("\"vsock\":\"vhost\""))
        #expect(try JSONDecoder().decode(SandboxSettings.self, from: data).vsock == .vhost)
        #expect(try SettingTexts.vsock("vhost-user", source: "--vsock") == .chosen(.vhostUser))
        #expect(try SettingTexts.vsock("auto", source: "--vsock") == .automatic)
        #expect(throws: ControllerError.self) { try SettingTexts.vsock("virtio", source: "--vsock") }
    }
}
