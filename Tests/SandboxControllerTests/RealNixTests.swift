import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

/// `image build --nix` with Nix itself (Debian's 2.8), which evaluates a flake, builds a derivation of it and tells of what
/// is wrong. There is no nixpkgs, so the derivation's builder is the host's own shell; its store is a folder of the test's.
@Suite struct RealNixTests {
    let fixture: ImageFixture

    init() throws { fixture = try ImageFixture() }

    private var builder: NixImageBuilder {
        NixImageBuilder(
            store: fixture.store,
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": fixture.root + "/home", "NIX_STORE_DIR": fixture.root + "/nix/store",
                "NIX_STATE_DIR": fixture.root + "/nix/state", "NIX_LOG_DIR": fixture.root + "/nix/log",
                "NIX_CONFIG": "build-users-group =\nsandbox = false\nsubstitute = false",
            ])
    }

    private func build(_ output: String, script: String) throws -> Result<Image, NixImageBuilder.Failure> {
        let flake = """
            { outputs = _: { packages.x86_64-linux.sandbox-image = \(output); }; }
            """
        try fixture.write("flake/flake.nix", Array(flake.utf8))
        try fixture.write("flake/build.sh", Array(script.utf8))
        do throws(NixImageBuilder.Failure) {
            return .success(try builder.build(flake: fixture.root + "/flake", name: "real"))
        } catch {
            return .failure(error)
        }
    }

    private let derivation =
        #"derivation { name = "image"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ ./build.sh ]; }"#

    private func failure(_ result: Result<Image, NixImageBuilder.Failure>) -> NixImageBuilder.Failure? {
        if case .failure(let failure) = result { failure } else { nil }
    }

    @Test func aFlakesImageIsBuiltAndTakenIn() throws {
        let manifest = try fixture.makeImage()
        let image = try build(
            derivation, script: "PATH=/usr/bin:/bin; echo working; cp -r \(fixture.root)/made $out\n"
        ).get()
        #expect(image.id == manifest.id)
        #expect(try fixture.store.find("real") == image)
    }

    @Test func aFlakeThatIsNotThereIsToldInNixWords() throws {
        do throws(NixImageBuilder.Failure) {
            _ = try builder.build(flake: fixture.root + "/none", name: nil)
            Issue.record("an image was made of nothing")
        } catch {
            #expect(error.error.code == .imageBuildFailed)
            #expect(error.lines.contains { $0.contains("/none") }, "\(error.lines)")
        }
    }

    @Test func anOutputThatIsNotThereIsToldInNixWords() throws {
        try fixture.write("flake/flake.nix", Array("{ outputs = _: { }; }".utf8))
        do throws(NixImageBuilder.Failure) {
            _ = try builder.build(flake: fixture.root + "/flake", name: nil)
            Issue.record("an image was made of nothing")
        } catch {
            #expect(error.lines.contains { $0.contains("sandbox-image") }, "\(error.lines)")
            #expect(error.lines.first?.hasPrefix("error: ") == true)
        }
    }

    @Test func aMistakeInAFlakeIsToldWithItsPlace() throws {
        let failure = failure(try build("1 + ", script: ""))
        #expect(failure?.lines.contains { $0.contains("syntax error") } == true, "\(failure?.lines ?? [])")
        #expect(failure?.lines.contains { $0.contains("flake.nix:1:") } == true)
    }

    @Test func aBuilderThatFailsIsToldWithItsLog() throws {
        let failure = failure(try build(derivation, script: "echo first; echo 'the disk would not fit' >&2; exit 3\n"))
        let text = failure?.lines.joined(separator: "\n") ?? ""
        #expect(text.contains("exit code 3") && text.contains("the disk would not fit"), "\(text)")
        #expect(fixture.storeNames.isEmpty)
    }

    @Test func whatIsNoImageIsRefused() throws {
        let failure = failure(try build(derivation, script: "echo hello > $out\n"))
        #expect(
            failure?.error.code == .imageBuildFailed || failure?.error.code == .imageBroken,
            "\(String(describing: failure))")
    }
}
