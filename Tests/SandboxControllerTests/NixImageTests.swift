import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

/// `image build --nix`, with a program of ours in the place of `nix`.
@Suite struct NixImageTests {
    let fixture: ImageFixture
    private static let longName = String(repeating: "x", count: 4096)

    init() throws { fixture = try ImageFixture() }

    private func builder(_ script: String, progress: any ProgressReporter = SilentProgress()) throws -> NixImageBuilder
    {
        let built = #"built() { printf '[{"drvPath":"/d.drv","outputs":{"out":"%s"}}]\n' "$1"; }"#
        try fixture.write("bin/nix", Array("#!/bin/sh\n\(built)\n\(script)\n".utf8), mode: 0o755)
        return NixImageBuilder(
            store: fixture.store, progress: progress, environment: ["PATH": fixture.root + "/bin:/usr/bin:/bin"])
    }

    private func failure(_ builder: NixImageBuilder, flake: String? = nil) -> NixImageBuilder.Failure? {
        do throws(NixImageBuilder.Failure) { _ = try builder.build(flake: flake, name: nil) } catch { return error }
        return nil
    }

    @Test func whatNixBuiltIsImportedUnderTheNameAskedFor() throws {
        let manifest = try fixture.makeImage()
        let arguments = fixture.root + "/arguments"
        let nix = try builder("printf '%s\\n' \"$@\" > \(arguments)\nbuilt \(fixture.root)/made")
        let image = try nix.build(flake: "github:owner/repository?dir=nix", name: "work")
        #expect(image.id == manifest.id)
        #expect(try fixture.store.find("work") == image)
        #expect(
            String(decoding: try fixture.read("arguments"), as: UTF8.self).split(separator: "\n").map(String.init) == [
                "--extra-experimental-features", "nix-command flakes", "build", "--no-link", "--json",
                "--log-lines", "100", "--", "github:owner/repository?dir=nix#sandbox-image",
            ])
    }

    @Test func anOutputOfItsOwnIsBuiltAsItIsNamed() throws {
        #expect(try NixImageBuilder.installable(".#other", [:]) == ".#other")
        #expect(try NixImageBuilder.installable(nil, [:]) == ".#sandbox-image")
        #expect(try NixImageBuilder.installable(nil, ["KEYSTONE_AGENT_FLAKE": "/flake"]) == "/flake#sandbox-image")
        #expect(try NixImageBuilder.installable("x", ["KEYSTONE_AGENT_FLAKE": "/flake"]) == "x#sandbox-image")
    }

    @Test(arguments: ["", "-f", "--expr", "#x", "a b", "a\nb", "a\u{1B}[31m"])
    func whatIsNoFlakeNeverReachesNix(flake: String) throws {
        let nix = try builder("touch \(fixture.root)/was-run")
        #expect(failure(nix, flake: flake)?.error.code == .usage)
        #expect(failure(nix, flake: "/" + Self.longName)?.error.code == .usage)
        #expect(!FileManager.default.fileExists(atPath: fixture.root + "/was-run"))
    }

    @Test func nixOwnErrorIsHandedOnWholeAndSafeToPrint() throws {
        let words = [
            "error:", "       … while evaluating the attribute 'packages'", "",
            "       at /flake.nix:7:3:", "            6| {", "            7|   x = y;", "             |   ^",
            "       error: undefined variable 'y' \u{1B}[31m",
        ]
        try fixture.write("words", Array((["warning: Git tree is dirty"] + words).joined(separator: "\n").utf8))
        let failure = failure(try builder("cat \(fixture.root)/words >&2\nexit 1"))
        #expect(failure?.lines == words.dropLast() + ["       error: undefined variable 'y' \\u{1B}[31m"])
        #expect(failure?.error.code == .imageBuildFailed)
        #expect(failure?.error.message.contains("\".#sandbox-image\"") == true)
        #expect(fixture.storeNames.isEmpty)
    }

    @Test func aVeryLongErrorKeepsItsEndAndBlocksNothing() throws {
        let failure = failure(
            try builder("seq -f 'line %.0f of the log' 0 59999 >&2; exit 1"))
        #expect(failure?.lines.last == "line 59999 of the log")
        #expect((10_000...60_000).contains(failure?.lines.count ?? 0))
    }

    @Test func aNixThatIsKilledIsToldAsThat() throws {
        let failure = failure(try builder("kill -9 $$"))
        #expect(failure?.lines == [])
        #expect(failure?.error.message.contains("signal 9") == true, "\(failure?.error.message ?? "")")
    }

    @Test func aFullDiskKeepsItsCode() throws {
        let nix = try builder("echo 'error: writing to file: No space left on device' >&2; exit 1")
        #expect(failure(nix)?.error.code == .noSpace)
    }

    @Test(arguments: [
        "", "echo /not/json", "built relative/path", #"echo '[{"outputs":{"a":"/one","b":"/two"}}]'"#, "echo '[]'",
    ])
    func whatIsNotOnePathIsNoImage(script: String) throws {
        #expect(failure(try builder(script))?.error.code == .imageBuildFailed)
    }

    @Test func whatIsNoImageIsRefusedWithAnAdvice() throws {
        try fixture.write("other/file", [])
        let failure = failure(try builder("built \(fixture.root)/other"), flake: ".#hello")
        #expect(failure?.error.code == .imageBuildFailed)
        #expect(failure?.error.message.contains("image.json") == true)
        #expect(failure?.error.advice?.contains("sandbox-image") == true)
    }

    @Test func aBrokenImageIsRefusedAsAnyOther() throws {
        _ = try fixture.makeImage()
        try fixture.write("made/initrd", Array("another".utf8))
        #expect(failure(try builder("built \(fixture.root)/made"))?.error.code == .imageBroken)
        #expect(fixture.storeNames.isEmpty)
    }

    @Test func withoutNixTheSentenceSaysWhereToGetIt() throws {
        // The standard folders are looked into after PATH, so this is the real thing where Nix is installed.
        guard ProgramPath.locate("nix", environment: [:]) == nil else { return }
        let nix = NixImageBuilder(store: fixture.store, environment: ["PATH": fixture.root])
        #expect(failure(nix)?.error.code == .missingProgram)
    }

    @Test func stagesFollowWhatNixIsDoing() throws {
        _ = try fixture.makeImage()
        let seen = SeenProgress()
        let nix = try builder(
            """
            printf "evaluating derivation 'x'...\\r" >&2
            echo "copying path '/nix/store/a-glibc' from 'https://cache.nixos.org'..." >&2
            echo "building '/nix/store/b-image.drv'..." >&2
            echo "copying path '/nix/store/c-late' from 'https://cache.nixos.org'..." >&2
            built \(fixture.root)/made
            """, progress: seen)
        _ = try nix.build(flake: "/f", name: nil)
        #expect(
            seen.stages.prefix(3) == [
                "asking Nix for /f#sandbox-image", "fetching what is built already", "building with Nix",
            ])
        #expect(seen.details.contains("nix: evaluating derivation 'x'..."))
        #expect(seen.details.filter { $0.contains("copying path") }.count == 2)
    }
}

/// What was reported, for a test to look at after the work.
private final class SeenProgress: ProgressReporter, @unchecked Sendable {
    private(set) var stages: [String] = []
    private(set) var details: [String] = []
    func stage(_ text: String) { stages.append(text) }
    func warning(_ text: String) {}
    func detail(_ text: String) { details.append(text) }
}
