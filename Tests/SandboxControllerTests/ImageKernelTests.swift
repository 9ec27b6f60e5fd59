import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct ImageKernelTests {
    /// A bzImage as the boot protocol describes it: boot sector, one more sector, protected-mode code with the payload.
    private func bzImage(payload: [UInt8], appendSize: Bool) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1024 + 32)
        bytes[0x1F1] = 1
        bytes.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        let body = payload + (appendSize ? [1, 2, 3, 4] : [])
        for (offset, value) in [(0x248, 32), (0x24C, body.count)] {
            for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> (byte * 8)) }
        }
        return bytes + body + [9, 9, 9]
    }

    @Test(arguments: [("gzip", false), ("xz", true), ("zstd", true), ("lz4", true)])
    func theKernelIsTakenOutOfItsPacking(_ format: String, _ appendSize: Bool) throws {
        guard let packer = ProgramPath.locate(format) else { return }
        let fixture = try ImageFixture()
        let kernel = FakeElf.bytes(sections: [".text": (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 7) }])
        try fixture.write("kernel", kernel)
        // The kernel's own build uses lz4's old frame (-l).
        var runner = ProgramRunner(
            path: packer, arguments: (format == "lz4" ? ["-l"] : []) + ["-c", fixture.root + "/kernel"])
        runner.output = .capture(limit: 1 << 22)
        let packed = try runner.run(deadline: .after(milliseconds: 20_000)).output
        try fixture.write("vmlinuz", bzImage(payload: packed, appendSize: appendSize))
        try KernelPayload.extract(
            fixture.root + "/vmlinuz", to: fixture.root + "/vmlinux", scratch: fixture.root + "/scratch",
            deadline: .after(milliseconds: 20_000))
        #expect(try fixture.read("vmlinux") == kernel)
        #expect(!fixture.names("").contains("scratch"))
    }

    @Test func whatIsNoKernelIsToldAndLeavesNothing() throws {
        let fixture = try ImageFixture()
        for bytes in [
            [], [1, 2, 3], [UInt8](repeating: 0, count: 2000), bzImage(payload: Array("plain".utf8), appendSize: true),
        ] {
            try fixture.write("vmlinuz", bytes)
            #expect(throws: ControllerError.self) {
                try KernelPayload.extract(
                    fixture.root + "/vmlinuz", to: fixture.root + "/vmlinux", scratch: fixture.root + "/scratch",
                    deadline: .after(milliseconds: 20_000))
            }
            #expect(fixture.names("") == ["vmlinuz"])
        }
    }

    @Test func theNewestInstalledKernelComesFirst() throws {
        let fixture = try ImageFixture()
        for release in ["6.1.0-9-amd64", "6.1.0-10-amd64", "5.10.0-99-amd64"] {
            try fixture.write("host/boot/vmlinuz-" + release, [1])
            try fixture.write("host/lib/modules/\(release)/x", [1])
        }
        try fixture.write("host/boot/vmlinuz-7.0-without-modules", [1])
        let all = KernelSource.all(under: fixture.root + "/host", origin: "here")
        #expect(all.map(\.release) == ["6.1.0-10-amd64", "6.1.0-9-amd64", "5.10.0-99-amd64"])
    }

    @Test func aCircleOfModulesEnds() throws {
        let fixture = try ImageFixture()
        for (name, needs) in [("a", "b"), ("b", "a")] {
            let information = Array("depends=\(needs)\u{0}".utf8)
            try fixture.write("modules/kernel/\(name).ko", FakeElf.bytes(sections: [".modinfo": information]))
        }
        var known: [String: KernelModules.Module] = [:]
        let modules = KernelModules(folder: fixture.root + "/modules")
        let order = try modules.collect("a", into: fixture.root + "/out", known: &known, deadline: .never)
        #expect(order == ["b", "a"] && known.count == 2)
        #expect(throws: ControllerError.self) {
            _ = try modules.collect("c", into: fixture.root + "/out", known: &known, deadline: .never)
        }
    }
}
