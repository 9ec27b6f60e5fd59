import Foundation
import Testing

@testable import SandboxController

/// A state directory, and on demand a made-up kernel package, all removed with it.
final class ImageFixture {
    let root: String
    let store: ImageStore

    init(below folder: String = "/tmp") throws {
        root = "\(folder)/keystone-image-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        store = ImageStore(directory: StateDirectory(root: root + "/state"))
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func write(_ path: String, _ bytes: [UInt8], mode: Int = 0o644) throws {
        let place = root + "/" + path
        try FileManager.default.createDirectory(
            atPath: (place as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: place))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: place)
    }

    func read(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: root + "/" + path))) }

    func names(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: root + "/" + path)) ?? []).sorted()
    }

    /// Everything in the store but its lock and index.
    var storeNames: [String] { names("state/images").filter { ![".lock", "index.json"].contains($0) } }

    /// An image folder ready for import. `change` may spoil the manifest before its id is computed.
    func makeImage(
        _ folder: String = "made", kernel: [UInt8] = Array("kernel".utf8),
        change: (inout ImageManifest) -> Void = { _ in }
    ) throws -> ImageManifest {
        let initrd = Array("initrd".utf8)
        try write(folder + "/boot/kernel", kernel)
        try write(folder + "/initrd", initrd)
        var manifest = ImageManifest(
            name: "made", architecture: "x86_64",
            kernel: .init(path: "boot/kernel", sha256: SHA256.hexadecimal(kernel)),
            initrd: .init(path: "initrd", sha256: SHA256.hexadecimal(initrd)), commandLine: ["quiet"], disks: [],
            features: ["agent"], description: "for a test", id: "")
        change(&manifest)
        manifest.id = manifest.computedID
        try write(folder + "/image.json", StableJSON.encode(manifest))
        return manifest
    }

    /// A Debian package with an ELF kernel and the modules that a sandbox needs, some packed.
    func makeKernelPackage(release: String = "9.9.9-test", without missing: String? = nil) throws -> String {
        let dependencies = [
            "virtio_pci": "virtio,virtio_ring", "virtio": "virtio_ring", "vmw_vsock_virtio_transport": "vsock,virtio",
            "9p": "9pnet,netfs", "9pnet_virtio": "9pnet,virtio", "netfs": "", "9pnet": "", "vsock": "",
            "virtio_ring": "",
            "qemu_fw_cfg": "", "virtio_net": "virtio", "virtio_rng": "virtio", "overlay": "",
        ]
        let tree = "package-\(release)"
        try write(tree + "/boot/vmlinuz-" + release, FakeElf.bytes(sections: [".text": Array("kernel".utf8)]))
        for (name, needs) in dependencies where name != missing {
            // As in a real kernel, a file may be spelt with a dash.
            let file = name.replacingOccurrences(of: "_", with: name == "virtio_pci" ? "-" : "_")
            let information = Array("depends=\(needs)\u{0}alias=test-\(name)\u{0}license=GPL\u{0}".utf8)
            try write(
                tree + "/lib/modules/\(release)/kernel/\(file).ko", FakeElf.bytes(sections: [".modinfo": information]))
        }
        try write(
            tree + "/DEBIAN/control",
            Array("Package: linux-test\nVersion: 1\nArchitecture: amd64\nMaintainer: x <x@y>\nDescription: x\n".utf8))
        let program = try #require(ProgramPath.locate("dpkg-deb"))
        let package = root + "/\(tree).deb"
        let outcome = try ProgramRunner(path: program, arguments: ["-Znone", "--build", root + "/" + tree, package])
            .run(deadline: .after(milliseconds: 30_000))
        try #require(outcome.succeeded, "\(outcome.lastError)")
        return package
    }

    /// Inputs whose agent and kernel are made up and whose busybox is the host's.
    func inputs(package: String) throws -> MinimalImageInputs {
        if names("").contains("agent") == false { try write("agent", FakeElf.bytes(sections: [:]), mode: 0o755) }
        var inputs = MinimalImageInputs(environment: [:])
        inputs.agent = root + "/agent"
        inputs.kernelPackages = [package]
        return inputs
    }
}

/// The smallest ELF files that our reader takes for real ones.
enum FakeElf {
    static func bytes(sections: [String: [UInt8]]) -> [UInt8] {
        var names: [UInt8] = [0]
        var contents: [UInt8] = []
        var headers: [[UInt8]] = [[UInt8](repeating: 0, count: 64)]
        func header(_ name: Int, _ offset: Int, _ size: Int) -> [UInt8] {
            little(name, 4) + little(1, 4) + little(0, 16) + little(offset, 8) + little(size, 8) + little(0, 24)
        }
        for (name, body) in sections.sorted(by: { $0.key < $1.key }) {
            headers.append(header(names.count, 64 + contents.count, body.count))
            names += Array(name.utf8) + [0]
            contents += body
        }
        let label = names.count
        names += Array(".shstrtab".utf8) + [0]
        headers.append(header(label, 64 + contents.count, names.count))
        contents += names
        let start: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
        let fixed =
            little(1, 2) + little(62, 2) + little(1, 4) + little(0, 16) + little(64 + contents.count, 8) + little(0, 4)
            + little(64, 2) + little(0, 4) + little(64, 2) + little(headers.count, 2) + little(headers.count - 1, 2)
        return start + fixed + contents + headers.flatMap { $0 }
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> ($0 * 8)) : 0 }
    }
}
