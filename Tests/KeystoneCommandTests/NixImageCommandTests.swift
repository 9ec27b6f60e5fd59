import Foundation
import Testing

@testable import SandboxController
@testable import keystone

/// `image build --nix` as it is typed, with a program of ours in the place of `nix`.
@Suite struct NixImageCommandTests {
    let program = Program()

    private func run(_ words: [String], nix script: String) throws -> Program.Result {
        let folder = try program.scratch.folder("bin")
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(fileURLWithPath: folder + "/nix"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/nix")
        return try program.run(
            ["agent", "image", "build", "--nix"] + words, environment: ["PATH": folder + ":/usr/bin:/bin"])
    }

    private func makeImage() throws -> String {
        let folder = try program.scratch.folder("image")
        var manifest = ImageManifest(
            name: "nixos", architecture: "x86_64", kernel: .init(path: "kernel", sha256: SHA256.hexadecimal([1])),
            initrd: .init(path: "initrd", sha256: SHA256.hexadecimal([2])), commandLine: ["init=/nix/store/x/init"],
            disks: [.init(file: .init(path: "store.erofs", sha256: SHA256.hexadecimal([3])), format: "raw")],
            features: ["agent", "nixos"], description: "for a test", id: "")
        manifest.id = manifest.computedID
        for (name, byte) in [("kernel", UInt8(1)), ("initrd", 2), ("store.erofs", 3)] {
            try Data([byte]).write(to: URL(fileURLWithPath: folder + "/" + name))
        }
        try Data(StableJSON.encode(manifest)).write(to: URL(fileURLWithPath: folder + "/image.json"))
        return folder
    }

    @Test func theIdGoesToStandardOutputAndTheImageCanBeStarted() throws {
        let folder = try makeImage()
        // Nix's `result` is a link, and what it prints is the folder itself.
        let built = try run([".#sandbox-image"], nix: #"echo '[{"outputs":{"out":"\#(folder)"}}]'"#)
        #expect(built.code == 0, "\(built)")
        let listed = try program.run(["agent", "image", "list", "--json"])
        #expect(listed.output.contains(built.output.trimmingCharacters(in: .newlines)))
        #expect(listed.output.contains("nixos"))
        #expect(built.errors.contains("asking Nix for .#sandbox-image"))
    }

    @Test func nixErrorStandsAboveOurSentence() throws {
        let failed = try run(["/flake"], nix: "echo 'error: cannot find flake' >&2; echo '  at 1:2' >&2; exit 1")
        #expect(failed.code == 5, "\(failed)")
        let lines = failed.errors.split(separator: "\n").map(String.init)
        let place = try #require(lines.firstIndex(of: "error: cannot find flake"), "\(failed)")
        #expect(lines[place + 1] == "  at 1:2")
        #expect(lines[place + 2].hasPrefix("keystone: Nix could not build \"/flake#sandbox-image\""))
        #expect(failed.output.isEmpty)
    }

    @Test(arguments: [
        ["--include", "git"], ["--refresh-kernel"], ["a", "b"], ["--name", "Not A Name"], ["bad flake"],
    ])
    func wordsThatDoNotGoWithNixAreRefusedBeforeItRuns(words: [String]) throws {
        let refused = try run(words, nix: "touch \(program.scratch.path)/was-run")
        #expect(refused.code == 2, "\(refused)")
        #expect(refused.errors.hasPrefix("keystone: ") || refused.errors.contains("\nkeystone: "), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: program.scratch.path + "/was-run"))
    }
}
