import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// A user's flake that takes ours as its input becomes an image, by Nix itself, and a guest boots from it. nixpkgs is not
    /// at hand, so `Tests/Nix/nixpkgs` stands in: the modules, the flake, the derivation, the script that writes the image
    /// and its disk are the real ones; kernel and initrd are the minimal image's.
    @Suite struct NixImage {
        @Test func aUsersFlakeBecomesAnImageFromWhichAGuestBoots() throws {
            let folder = try Room.shared().makeFolder("nix-image")
            try makeCheckout(folder + "/keystone")
            let project = try Project("nix-image")
            try project.write("flake.nix", Array(flake(folder + "/keystone").utf8))
            try HostProgram.run(["git", "-C", project.folder, "add", "flake.nix"])

            var keystone = try Keystone(in: project.folder, stateDirectory: folder + "/state")
            keystone.environment.merge([
                "NIX_STORE_DIR": folder + "/nix/store", "NIX_STATE_DIR": folder + "/nix/state",
                "NIX_LOG_DIR": folder + "/nix/log",
                "NIX_CONFIG": "build-users-group =\nsandbox = false\nsubstitute = false",
            ]) { $1 }
            let built = try keystone.mustSucceed(["image", "build", "--nix", ".", "--name", "work"])
            #expect(built.errorText.contains("building with Nix"), "\(built)")
            // What is built already is imported already, too.
            let again = try keystone.mustSucceed(["image", "build", "--nix", ".", "--name", "work"])
            #expect(again.line == built.line)

            let sandbox = TestSandbox(name: "nix-image", project: project, keystone: keystone)
            defer { sandbox.remove() }
            try sandbox.startAgain(["--image", "work"])
            let mounted = try sandbox.shell(
                """
                set -e
                of() { tr ' ' '\\n' < /proc/cmdline | sed -n "s/^$1=//p"; }
                modprobe virtio_blk
                modprobe erofs
                mkdir -p /tmp/store
                mount -t erofs -o ro /dev/vda /tmp/store
                cat "/tmp/store/$(basename "$(dirname "$(of init)")")/init"
                grep -c nixos-system "/tmp/store/$(basename "$(dirname "$(of keystone.registration)")")/store-paths"
                cat /tmp/store/*-library
                """, within: 120)
            #expect(mounted.code == 0, "\(mounted)")
            #expect(mounted.lines.first?.hasPrefix("what the system runs first, with /") == true, "\(mounted)")
            #expect(mounted.lines.dropFirst() == ["1", "what the system needs"], "\(mounted)")

            // The disk belongs to every sandbox of the image.
            let disk = "\(folder)/state/images/\(built.line)/store.erofs"
            let before = try HostProgram.sha256(ofFile: disk)
            let written = try sandbox.shell(
                "dd if=/dev/zero of=/dev/vda bs=4096 count=1 conv=fsync; touch /tmp/store/x")
            #expect(written.code != 0, "\(written)")
            try keystone.mustSucceed(["stop", "nix-image"])
            #expect(try HostProgram.sha256(ofFile: disk) == before)
            // guest-module/store-uuid.nix, by which udev, with the library that blkid has, finds it in a NixOS guest.
            #expect(
                try HostProgram.run(["blkid", "-p", "-o", "value", "-s", "UUID", disk]).line
                    == "6b657973-746f-6e65-8d73-746f72650000")
        }

        private func flake(_ checkout: String) -> String {
            """
            {
              inputs.keystone.url = "git+file://\(checkout)?dir=nix";
              inputs.keystone.inputs.nixpkgs.url = "git+file://\(checkout)?dir=Tests/Nix/nixpkgs";
              outputs = { keystone, ... }: {
                packages.x86_64-linux.sandbox-image = keystone.lib.sandboxImage {
                  modules = [{ boot.kernelParams = [ "rdinit=/init" ]; keystone.guest.sudo.enable = false; }];
                };
              };
            }

            """
        }

        /// A repository with what the flake needs of this one, and the minimal image's kernel and initrd.
        private func makeCheckout(_ folder: String) throws {
            var top = URL(fileURLWithPath: #filePath)
            for _ in 0..<4 { top.deleteLastPathComponent() }
            let minimal = try Images.folder()
            let data = try Data(contentsOf: URL(fileURLWithPath: minimal + "/image.json"))
            let manifest = try JSONDecoder().decode(ImageManifest.self, from: data)
            let boot = folder + "/Tests/Nix/nixpkgs/boot"
            let version = "Sources/AgentProtocol/Messages/Hello.swift"
            try FileManager.default.createDirectory(
                atPath: (folder + "/" + version as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            try HostProgram.run(["mkdir", "-p", folder + "/Tests"])
            for part in ["nix", "guest-module", "host-module", "Package.swift", version, "Tests/Nix"] {
                try HostProgram.run(["cp", "-r", top.path + "/" + part, folder + "/" + part])
            }
            try HostProgram.run(["mkdir", boot])
            try HostProgram.run(["cp", minimal + "/" + manifest.kernel.path, boot + "/kernel"])
            try HostProgram.run(["cp", minimal + "/" + manifest.initrd.path, boot + "/initrd"])
            try HostProgram.run(["git", "init", "-q", folder])
            try HostProgram.run(["git", "-C", folder, "add", "-A"])
            try HostProgram.run([
                "git", "-C", folder, "-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "-q", "-m",
                "x",
            ])
        }
    }
}
