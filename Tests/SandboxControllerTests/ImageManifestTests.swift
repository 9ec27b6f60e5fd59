import Foundation
import Testing

@testable import SandboxController

@Suite struct ImageManifestTests {
    private func failure(_ work: () throws -> Void) -> ControllerError? {
        do { try work() } catch { return error as? ControllerError }
        return nil
    }

    @Test(arguments: ["/etc/passwd", "../kernel", "a/../../b", "a//b", "", ".", "./a", "a/", "image.json"])
    func aPathOutsideTheImageIsRefused(_ path: String) throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage { $0.kernel.path = path }
        let error = failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }
        #expect(error?.code == .imageBroken && error?.message.contains("not inside") == true)
        #expect(fixture.storeNames.isEmpty)
    }

    @Test func anUnknownVersionIsNamed() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage { $0.version = 7 }
        let error = failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }
        #expect(error?.code == .imageBroken && error?.message.contains("version 7") == true)
    }

    @Test(arguments: [
        "", "{}", "[1]", "{\"version\": 1}", "{\"version\": 1, \"name\": 3}", String(repeating: "[", count: 50_000),
        "{\"version\": \"1\"}", "\u{0}\u{1}",
    ])
    func whatIsNoManifestIsOneSentence(_ text: String) throws {
        let fixture = try ImageFixture()
        try fixture.write("made/image.json", Array(text.utf8))
        let error = failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }
        #expect(error?.code == .imageBroken && error?.message.contains("\n") == false)
    }

    @Test func aFolderWithoutAManifestIsMissing() throws {
        let fixture = try ImageFixture()
        #expect(failure { _ = try fixture.store.importImage(from: fixture.root) }?.code == .imageMissing)
        #expect(failure { _ = try fixture.store.importImage(from: fixture.root + "/nowhere") }?.code == .imageMissing)
    }

    @Test func badHashesFormatsAndParametersAreRefused() throws {
        let spoil: [(inout ImageManifest) -> Void] = [
            { $0.kernel.sha256 = "abc" }, { $0.kernel.sha256 = String(repeating: "G", count: 64) },
            { $0.commandLine = ["a b"] }, { $0.commandLine = ["a\n"] }, { $0.architecture = "vax" },
            { $0.name = "a/b" },
            { $0.disks = [.init(file: $0.initrd, format: "qcow2")] },
            { manifest in manifest.disks = (0..<17).map { _ in .init(file: manifest.initrd, format: "raw") } },
        ]
        for change in spoil {
            let fixture = try ImageFixture()
            _ = try fixture.makeImage(change: change)
            #expect(failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }?.code == .imageBroken)
        }
    }

    @Test func aManifestThatIsNotWhatItsIdSaysIsRefused() throws {
        let fixture = try ImageFixture()
        var manifest = try fixture.makeImage()
        manifest.commandLine = ["init=/bin/evil"]
        try fixture.write("made/image.json", StableJSON.encode(manifest))
        #expect(
            failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }?.message.contains("own id")
                == true)
    }

    @Test func theIdIsWhatTheDocumentedCommandGives() throws {
        guard let jq = ProgramPath.locate("jq") else { return }
        let fixture = try ImageFixture()
        let manifest = try fixture.makeImage { $0.features = ["größe", "a/b"] }
        let outcome = try ProgramRunner(
            path: jq, arguments: ["-cjS", "del(.id, .description)", fixture.root + "/made/image.json"]
        )
        .run(deadline: .after(milliseconds: 10_000))
        #expect(SHA256.hexadecimal(outcome.output) == manifest.id)
    }

    @Test func theDescriptionAloneDoesNotChangeTheId() throws {
        let fixture = try ImageFixture()
        let first = try fixture.makeImage { $0.description = "one" }
        let second = try fixture.makeImage { $0.description = "two" }
        #expect(first.id == second.id)
        let third = try fixture.makeImage { $0.features = [] }
        #expect(first.id != third.id)
    }
}
