import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct ImageBuildTests {
    private func failure(_ work: () throws -> Void) -> ControllerError? {
        do { try work() } catch { return error as? ControllerError }
        return nil
    }

    private func builder(_ fixture: ImageFixture, _ package: String) throws -> MinimalImageBuilder {
        MinimalImageBuilder(store: fixture.store, inputs: try fixture.inputs(package: package))
    }

    @Test func theSameInputsGiveTheSameImageInAnyPlace() throws {
        let (first, second) = (try ImageFixture(), try ImageFixture())
        let image = try builder(first, try first.makeKernelPackage()).build()
        let again = try builder(second, try second.makeKernelPackage()).build()
        #expect(image.id == again.id)
        #expect(try first.store.resolve(nil) == image)
        try first.store.verify(image, fully: true)
    }

    @Test func buildingTwiceDoesNoWork() throws {
        let fixture = try ImageFixture()
        let package = try fixture.makeKernelPackage()
        let image = try builder(fixture, package).build()
        var before = stat()
        stat(image.initrdPath, &before)
        #expect(try builder(fixture, package).build() == image)
        var after = stat()
        stat(image.initrdPath, &after)
        #expect(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec)
    }

    @Test func anotherAgentOrKernelGivesAnotherImage() throws {
        let fixture = try ImageFixture()
        let package = try fixture.makeKernelPackage()
        let image = try builder(fixture, package).build()
        try fixture.write("agent", FakeElf.bytes(sections: [".text": [1]]), mode: 0o755)
        let other = try builder(fixture, package).build()
        #expect(image.id != other.id)
        #expect(try fixture.store.resolve(nil) == other)
        let newer = try builder(fixture, try fixture.makeKernelPackage(release: "9.9.10-test")).build()
        #expect(newer.manifest.description.contains("9.9.10-test"))
    }

    @Test func anImageThatWasDamagedIsBuiltAgain() throws {
        let fixture = try ImageFixture()
        let package = try fixture.makeKernelPackage()
        let image = try builder(fixture, package).build()
        truncate(image.initrdPath, 100)
        let again = try builder(fixture, package).build()
        #expect(again.id == image.id)
        try fixture.store.verify(again, fully: true)
    }

    @Test func modulesAreListedAfterWhatTheyNeed() throws {
        let fixture = try ImageFixture()
        let image = try builder(fixture, try fixture.makeKernelPackage()).build()
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: image.initrdPath)), as: UTF8.self)
        let start = try #require(text.range(of: "/lib/modules/9.9.9-test/kernel/virtio_ring.ko\n"))
        let names = text[start.lowerBound...].prefix { $0 != "\u{0}" && $0 != "0" }.split(separator: "\n")
            .prefix { $0.hasPrefix("/") || $0.hasPrefix("--") }
            .map { $0.split(separator: "/").last.map(String.init) ?? "" }
        #expect(
            names == [
                "virtio_ring.ko", "virtio.ko", "virtio-pci.ko", "vsock.ko", "vmw_vsock_virtio_transport.ko",
                "qemu_fw_cfg.ko",
                "--late", "9pnet.ko", "9pnet_virtio.ko", "netfs.ko", "9p.ko", "--late", "virtio_net.ko",
                "virtio_rng.ko",
            ])
    }

    @Test func missingProgramsAreAllNamedAndNothingIsLeft() throws {
        let fixture = try ImageFixture()
        let builder = try builder(fixture, try fixture.makeKernelPackage())
        let error = failure { _ = try builder.build(include: ["no-such-program", "sh", "/no/where"]) }
        #expect(error?.code == .missingProgram)
        #expect(
            error?.message.contains("\"no-such-program\"") == true && error?.message.contains("\"/no/where\"") == true)
        #expect(error?.message.contains("\"sh\"") == false)
        #expect(fixture.storeNames.isEmpty)
    }

    @Test func aBrokenOrUnfitKernelPackageLeavesNothing() throws {
        let fixture = try ImageFixture()
        try fixture.write("broken.deb", Array("no package".utf8))
        #expect(
            failure { _ = try self.builder(fixture, fixture.root + "/broken.deb").build() }?.code == .imageBuildFailed)
        let unfit = try fixture.makeKernelPackage(without: "9p")
        let error = failure { _ = try self.builder(fixture, unfit).build() }
        #expect(error?.code == .imageBuildFailed && error?.message.contains("9p") == true)
        #expect(fixture.storeNames.isEmpty && fixture.names("state/cache/kernels").isEmpty)
    }

    @Test func anAgentThatIsMissingOrNotStaticIsRefused() throws {
        let fixture = try ImageFixture()
        var inputs = try fixture.inputs(package: try fixture.makeKernelPackage())
        inputs.agent = fixture.root + "/nowhere"
        #expect(failure { _ = try inputs.plan(include: []) }?.code == .missingProgram)
        inputs.agent = "/proc/self/exe"
        #expect(failure { _ = try inputs.plan(include: []) }?.message.contains("shared libraries") == true)
    }

    @Test func anIncludedProgramComesWithItsLibrariesAndInterpreter() throws {
        let fixture = try ImageFixture(below: "/var/tmp")
        try fixture.write("bin/greet", Array("#!/usr/bin/env bash\necho hi\n".utf8), mode: 0o755)
        symlink("greet", fixture.root + "/bin/alias")
        let inputs = try fixture.inputs(package: "")
        let tree = try inputs.plan(include: [fixture.root + "/bin/alias"])
        #expect(tree.nodes[fixture.root + "/bin/alias"] == .link(target: "greet"))
        #expect(tree.nodes["/usr/local/bin/alias"] == .link(target: fixture.root + "/bin/alias"))
        #expect(tree.contains(fixture.root + "/bin/greet") && tree.contains("/bin/bash"))
        #expect(tree.nodes.keys.contains { $0.contains("libc.so") } && tree.nodes.keys.contains { $0.contains("/ld-") })
        guard case .file(let agent) = tree.nodes["/usr/sbin/keystone-guest-agent"] else {
            Issue.record("no agent")
            return
        }
        #expect(agent.permissions == 0o755)
    }
}
