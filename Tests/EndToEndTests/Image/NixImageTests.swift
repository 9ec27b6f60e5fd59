import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// What Nix makes of an image, with the minimal image's kernel and initrd in the place of NixOS's: the script that writes the
    /// folder is the real one, and so are the disk and the way into the store.
    @Suite struct NixImage {
        @Test func aGuestBootsWithTheStoreDiskThatTheNixBuildMakes() throws {
            let room = try Room.shared()
            let folder = try room.makeFolder("nix-image")
            let built = try makeImage(in: folder)

            var keystone = try Keystone(stateDirectory: folder + "/state")
            let nix = "#!/bin/sh\necho '[{\"outputs\":{\"out\":\"\(built)\"}}]'\n"
            try write(nix, to: folder + "/bin/nix", mode: 0o755)
            keystone.environment["PATH"] = folder + "/bin:/usr/bin:/bin:/usr/sbin:/sbin"
            let id = try keystone.mustSucceed(["image", "build", "--nix", ".", "--name", "work"]).line
            #expect(try keystone.mustSucceed(["image", "inspect", "work", "--json"]).text.contains(id))

            let project = try Project("nix-image")
            keystone.folder = project.folder
            let sandbox = TestSandbox(name: "nix-image", project: project, keystone: keystone)
            defer { sandbox.remove() }
            try sandbox.startAgain(["--image", "work"])
            #expect(try sandbox.shell("cat /proc/cmdline").text.contains("init=/nix/store/system/init"))

            let mounted = try sandbox.shell(
                "modprobe virtio_blk && modprobe erofs && mkdir -p /nix/store && mount -t erofs -o ro /dev/vda /nix/store"
                    + " && cat /nix/store/system/init && cat /nix/store/closure/store-paths",
                within: 120)
            #expect(mounted.code == 0, "\(mounted)")
            #expect(mounted.text.contains("what the system runs first"))
            #expect(mounted.text.contains("/store/system\n"))
            // guest-module/store-uuid.nix, by which udev, with the library that blkid has, finds it in a NixOS guest.
            #expect(
                try HostProgram.run(["blkid", "-p", "-o", "value", "-s", "UUID", built + "/store.erofs"]).line
                    == "6b657973-746f-6e65-8d73-746f72650000")

            // The disk belongs to every sandbox of the image.
            let written = try sandbox.shell(
                "dd if=/dev/zero of=/dev/vda bs=4096 count=1 conv=fsync; touch /nix/store/x")
            #expect(written.code != 0, "\(written)")
            try keystone.mustSucceed(["stop", "nix-image"])
            let after = try HostProgram.sha256(ofFile: built + "/store.erofs")
            #expect(try HostProgram.sha256(ofFile: folder + "/state/images/\(id)/store.erofs") == after)
        }

        /// Runs guest-module/make-image. - Returns: the image's folder.
        private func makeImage(in folder: String) throws -> String {
            let minimal = try Images.folder()
            let data = try Data(contentsOf: URL(fileURLWithPath: minimal + "/image.json"))
            let manifest = try JSONDecoder().decode(ImageManifest.self, from: data)
            try write("what the system runs first\n", to: folder + "/store/system/init", mode: 0o555)
            try write("\(folder)/store/system\n", to: folder + "/store/closure/store-paths")
            try write("", to: folder + "/store/closure/registration")
            var script = ProgramRunner(path: repository + "/guest-module/make-image", arguments: [])
            script.directory = try Room.shared().makeFolder("nix-image/build")
            script.environment = [
                "out": folder + "/out", "imageName": "nixos", "architecture": manifest.architecture,
                "kernel": minimal + "/" + manifest.kernel.path, "initrd": minimal + "/" + manifest.initrd.path,
                "closure": folder + "/store/closure", "storeUUID": "6b657973-746f-6e65-8d73-746f72650000",
                "compression": "lz4", "description": "NixOS of a test", "features": "nixos\nagent\nagent\n",
                "parameters": (manifest.commandLine + ["init=/nix/store/system/init"]).joined(separator: "\n"),
            ]
            let outcome = try script.run(deadline: .after(milliseconds: 120_000))
            guard outcome.succeeded else { throw Complaint("make-image: \(outcome.lastError)") }
            return folder + "/out"
        }

        private var repository: String {
            var place = URL(fileURLWithPath: #filePath)
            for _ in 0..<4 { place.deleteLastPathComponent() }
            return place.path
        }

        private func write(_ text: String, to path: String, mode: Int = 0o644) throws {
            let folder = (path as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
    }
}
