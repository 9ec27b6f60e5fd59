import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// A sandbox that is itself a host: a kernel with vhost-vsock, QEMU with what it loads, our program and our image, all
/// through its workspace; and in it a second machine, whose vsock that kernel carries.
final class NestedHost {
    let outer: TestSandbox
    /// The machine in the machine, used by a script on this host that runs `keystone` in the outer one.
    let inner: TestSandbox
    /// Holds the inner sandbox: what a session starts ends with it.
    private let session: Running

    static let stateDirectory = "/run/inner"
    private static let kit = "/workspace/kit"

    init() throws {
        let project = try Project("nested")
        try Self.makeKit(in: project)
        outer = try TestSandbox.start(
            "outer", options: ["--memory", "3072", "--network", "none"], project: project)
        session = try outer.begin(["sh", Self.kit + "/start"], options: ["-u", "root"], input: .open)
        let script = project.path("keystone-inside")
        let line =
            "exec \(try Room.shared().program) agent --state-dir \(outer.directory.root) exec -i -u root outer -- \(Self.kit)/keystone \"$@\"\n"
        try project.write("keystone-inside", Array(("#!/bin/sh\n" + line).utf8), mode: 0o755)
        inner = TestSandbox(
            name: "inner", project: project,
            keystone: try Keystone(by: script, in: project.folder, stateDirectory: Self.stateDirectory))
    }

    /// Emulation in emulation: on an idle machine some 50 s, with five builds beside it many times that.
    func waitUntilReady() throws {
        try session.wait("the inner sandbox", within: 900) { $0.text.contains("inner is ready") }
    }

    func end() { outer.remove() }

    private static func makeKit(in project: Project) throws {
        let folder = try Room.shared().makeFolder("projects/nested/kit")
        let keystone = try Room.shared().program
        let qemu = try QemuProgram.locate().path
        let roms = ["bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "pvh.bin", "qboot.rom", "efi-virtio.rom"]
        let script = """
            cd "$1"; mkdir -p bin lib modules share/qemu image
            cp "$2" bin/keystone; cp "$3" bin/qemu-system-x86_64
            ldd "$3" | awk '/=> \\//{print $3} $1 ~ /^\\//{print $1}' | xargs -I{} cp -L {} lib/
            cp /usr/lib/*/qemu/accel-tcg-x86_64.so modules/ 2>/dev/null || true
            for rom in \(roms.joined(separator: " ")); do
                cp -L /usr/share/qemu/$rom /usr/share/seabios/$rom share/qemu/ 2>/dev/null || true
            done
            cp "$4"/* image/
            """
        try HostProgram.run(["sh", "-ec", script, "sh", folder, keystone, qemu, try Images.folder()], within: 120)
        // By its own loader and libraries: the image has only those that its programs need. Its time is counted in
        // instructions (-icount): by the clock, a machine this slow does nothing but serve its timer's 250 ticks a second
        // as soon as the host is busy (a boot of 50 s on an idle host had not ended after 400 s at load 11).
        let emulator = """
            #!/bin/sh
            export QEMU_MODULE_DIR=\(kit)/modules
            loader=$(ls \(kit)/lib/ld-linux* | head -n 1)
            exec $loader --library-path \(kit)/lib \(kit)/bin/qemu-system-x86_64 -L \(kit)/share/qemu -icount shift=4 "$@"
            """
        try project.write("kit/bin/qemu", Array(emulator.utf8), mode: 0o755)
        // There is no keystone-vhost-vsock in the kit: nothing but the kernel can carry what arrives.
        let program = """
            #!/bin/sh
            export HOME=/root KEYSTONE_QEMU=\(kit)/bin/qemu
            exec \(kit)/bin/keystone "$@"
            """
        try project.write("kit/keystone", Array(program.utf8), mode: 0o755)
        let start = """
            set -e
            modprobe vhost_vsock
            modprobe vsock_loopback
            keystone="\(kit)/keystone agent --state-dir \(stateDirectory)"
            $keystone image import \(kit)/image
            mkdir -p /tmp/project
            $keystone start --no-git --no-attach --name inner --memory 1024 --cpus 1 --network none --accel tcg \\
                --no-nested --vsock vhost --timeout 900s /tmp/project
            echo inner is ready
            exec sleep 86400
            """
        try project.write("kit/start", Array(start.utf8))
    }
}
