import Foundation
import Glibc
import Testing

@testable import SandboxController

/// A state directory of a test's own, removed at its end.
final class RegistryFixture: Sendable {
    let directory = StateDirectory(root: "/tmp/keystone-registry-\(getpid())-\(UInt32.random(in: 0 ... .max))/state")
    private let said = Said()
    var registry: Registry {
        Registry(directory: directory, lockMilliseconds: 5_000, notice: { [said] in said.add($0) })
    }
    var notices: [String] { said.all }

    deinit { try? FileManager.default.removeItem(atPath: (directory.root as NSString).deletingLastPathComponent) }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: directory.registryFile)) }
    func contents() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: directory.registryFile)) }
    func asides() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory.root)) ?? []).filter {
            $0.hasPrefix("sandboxes.json.broken-")
        }
    }

    private final class Said: @unchecked Sendable {
        private let lock = NSLock()
        private var sentences: [String] = []
        func add(_ text: String) { lock.withLock { sentences.append(text) } }
        var all: [String] { lock.withLock { sentences } }
    }
}

func registryRecord(_ name: String, project: String = "/p") -> SandboxRecord {
    SandboxRecord(
        name: name, project: project, created: Date(timeIntervalSince1970: 1_790_000_000), settings: SandboxSettings())
}

@Suite struct RegistryTests {
    @Test func whatIsWrittenIsReadAgain() throws {
        let fixture = RegistryFixture()
        var other = registryRecord("b", project: "/tmp/größe mit leer")
        other.settings = SandboxSettings(
            memoryMebibytes: 2048, processors: 2, nested: false, network: .tap(interface: "tap7"),
            shareSecurity: .mapped, accelerator: .tcg, image: "dev")
        try fixture.registry.update { $0 = [other, registryRecord("a")] }
        #expect(try fixture.registry.read() == [registryRecord("a"), other])
        #expect(try fixture.registry.record(named: "b") == other)
        #expect(try fixture.registry.record(named: "c") == nil)
        #expect(try fixture.registry.records(project: "/p").map(\.name) == ["a"])
        #expect(fixture.notices.isEmpty)
    }

    /// The quick reading says what the thorough one says, or leaves it to that.
    @Test func theQuickReadingAgreesWithTheThoroughOne() throws {
        let fixture = RegistryFixture()
        for paths in [[], ["/p"], ["/with space/ü", "/quo\"te", "/back\\slash", "/line\nfeed"], ["/\u{1F600}", "/p"]] {
            try fixture.registry.update {
                $0 = paths.enumerated().map { registryRecord("n\($0.offset)", project: $0.element) }
            }
            #expect(try fixture.registry.places() == fixture.registry.read().map(SandboxPlace.init))
        }
        try fixture.registry.update { $0 = [registryRecord("a"), registryRecord("b", project: "/q")] }
        let whole = try fixture.contents()
        let expected = [SandboxPlace(name: "a", project: "/p"), SandboxPlace(name: "b", project: "/q")]
        #expect(RegistryLines.places([UInt8](whole)) == expected)
        for length in 0..<whole.count { #expect(RegistryLines.places([UInt8](whole.prefix(length))) == nil) }
        for index in whole.indices {
            var changed = whole
            changed[index] ^= 1
            // Whatever the quick reading accepts, the thorough one must understand alike.
            guard let quick = RegistryLines.places([UInt8](changed)),
                case .good(let records) = RegistryFile.read([UInt8](changed))
            else { continue }
            #expect(quick == records.map(SandboxPlace.init))
        }
        let newer = String(decoding: whole, as: UTF8.self).replacing("\"version\" : 1", with: "\"version\" : 2")
        #expect(RegistryLines.places(Array(newer.utf8)) == nil)
    }

    @Test func settingsOfAnotherVersionHaveDefaults() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        try fixture.write(
            #"{"version":1,"sandboxes":[{"name":"a","project":"/p","created":"2026-01-01T00:00:00Z","settings":{"processors":3,"later":[]}}]}"#
        )
        #expect(try fixture.registry.read().first?.settings == SandboxSettings(processors: 3))
        #expect(fixture.notices.isEmpty)
    }

    @Test func readingAMissingRegistryMakesNothing() throws {
        let fixture = RegistryFixture()
        #expect(try fixture.registry.read().isEmpty)
        #expect(access(fixture.directory.root, F_OK) != 0)
    }

    @Test func everythingIsPrivateWhateverTheUmask() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        func mode(_ path: String) -> mode_t {
            var status = stat()
            return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
        }
        let directory = fixture.directory
        for file in [directory.registryFile, directory.registryLock, directory.sandboxFolder("a") + "/sandbox.json"] {
            #expect(mode(file) == 0o600, "\(file)")
        }
        for folder in [directory.root, directory.root + "/sandboxes", directory.sandboxFolder("a")] {
            #expect(mode(folder) == 0o700, "\(folder)")
        }
    }

    @Test func aFailingChangeChangesNothing() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        let before = try fixture.contents()
        #expect(throws: ControllerError.self) {
            try fixture.registry.update { (records) throws(ControllerError) in
                records.removeAll()
                throw ControllerError(.internal, "no")
            }
        }
        #expect(try fixture.contents() == before)
    }

    @Test(arguments: ["a/b", "a\nb", "..", ".", "", "-x", String(repeating: "a", count: 64), "ä"])
    func aNameThatIsNoneNeverReachesTheDisk(_ name: String) throws {
        let fixture = RegistryFixture()
        let error = #expect(throws: ControllerError.self) {
            try fixture.registry.update { $0 = [registryRecord(name)] }
        }
        #expect(error?.code == .usage)
        #expect(access(fixture.directory.registryFile, F_OK) != 0)
    }

    @Test func aNewerVersionIsRefusedAndLeftAlone() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        let text = #"{"version": 7, "sandboxes": {"another": "form"}}"#
        try fixture.write(text)
        let error = #expect(throws: ControllerError.self) { try fixture.registry.read() }
        #expect(error?.code == .registryBroken && error?.message.contains("newer") == true)
        #expect(throws: ControllerError.self) { try fixture.registry.update { $0 = [] } }
        #expect(try fixture.contents() == Data(text.utf8))
        #expect(fixture.asides().isEmpty)
    }

    @Test func unknownNamesGetASuggestion() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("frontend")] }
        let error = #expect(throws: ControllerError.self) { try fixture.registry.requireRecord(named: "fronted") }
        #expect(error?.code == .noSuchSandbox && error?.advice == "Did you mean frontend?")
    }

    @Test func aDirectoryThatOthersCanWriteIsRefused() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [] }
        chmod(fixture.directory.root, 0o777)
        let error = #expect(throws: ControllerError.self) { try fixture.registry.update { $0 = [registryRecord("a")] } }
        #expect(error?.code == .permission)
    }

    @Test func forgettingASandboxForgetsItsCopyToo() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a"), registryRecord("b")] }
        try fixture.registry.update { $0.removeAll { $0.name == "a" } }
        #expect(access(fixture.directory.sandboxFolder("a"), F_OK) != 0)
        unlink(fixture.directory.registryFile)
        #expect(try fixture.registry.read().map(\.name) == ["b"])
    }

    /// A plain file stands where the folder of the state directory should be.
    @Test func aFileInTheWayIsOneSentence() throws {
        let fixture = RegistryFixture()
        try FileManager.default.createDirectory(
            atPath: (fixture.directory.root as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: fixture.directory.root))
        #expect(try fixture.registry.read().isEmpty)
        #expect(throws: ControllerError.self) { try fixture.registry.update { $0 = [registryRecord("a")] } }
    }
}
