import Foundation
import Glibc
import Testing

@testable import SandboxController

@Suite struct RegistryRepairTests {
    /// Wherever a write was cut off, every sandbox is found again and the broken file is kept.
    @Test func aRegistryCutOffAtAnyByteLosesNothing() throws {
        let fixture = RegistryFixture()
        let records = [registryRecord("a"), registryRecord("b", project: "/q")]
        try fixture.registry.update { $0 = records }
        let whole = try fixture.contents()
        // Without its last line feed and its last brace's line it is still whole, or not JSON at all.
        for length in 0..<(whole.count - 2) {
            try whole.prefix(length).write(to: URL(fileURLWithPath: fixture.directory.registryFile))
            #expect(try fixture.registry.read() == records, "cut at \(length)")
        }
        #expect(try fixture.contents() == whole)
        #expect(fixture.asides().count >= 500 || fixture.asides().count == whole.count - 2)
    }

    @Test(arguments: [
        "", "null", "[]", "{}", "nonsense", "{\"version\":1}", "{\"version\":\"1\",\"sandboxes\":[]}",
        "{\"version\":1,\"sandboxes\":{}}",
        "{\"version\":1,\"sandboxes\":[1]}", "{\"version\":1,\"sandboxes\":[{\"name\":\"../x\"}]}", "\u{0}\u{0}",
        String(repeating: "[", count: 100_000),
    ])
    func whateverTheFileHoldsItIsSetAsideAndSaid(_ text: String) throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("kept")] }
        try fixture.write(text)
        #expect(try fixture.registry.read() == [registryRecord("kept")])
        let aside = try #require(fixture.asides().first)
        #expect(fixture.notices.count == 1 && fixture.notices[0].contains(aside) && fixture.notices[0].contains("kept"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.directory.root + "/" + aside)) == Data(text.utf8))
        #expect(try fixture.registry.read() == [registryRecord("kept")])
        #expect(fixture.notices.count == 1)
    }

    @Test func oneBadEntryDoesNotTakeTheOthersWithIt() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a"), registryRecord("b")] }
        let text = String(decoding: try fixture.contents(), as: UTF8.self).replacing("\"b\"", with: "\"../../etc\"")
        for name in ["a", "b"] { try FileManager.default.removeItem(atPath: fixture.directory.sandboxFolder(name)) }
        try fixture.write(text)
        #expect(try fixture.registry.read().map(\.name) == ["a"])
        #expect(fixture.asides().count == 1)
    }

    @Test func aSettingThatCannotBeUnderstoodDoesNotLoseItsSandbox() throws {
        let fixture = RegistryFixture()
        var record = registryRecord("a")
        record.settings.network = .none
        try fixture.registry.update { $0 = [record] }
        let text = String(decoding: try fixture.contents(), as: UTF8.self).replacing("\"none\"", with: "\"wormhole\"")
        try fixture.write(text)
        #expect(try fixture.registry.read() == [record])
        try fixture.write(text)
        try Data(text.utf8).write(to: URL(fileURLWithPath: fixture.directory.sandboxFolder("a") + "/sandbox.json"))
        #expect(try fixture.registry.read() == [registryRecord("a")])
        #expect(fixture.asides().count == 2)
    }

    @Test func aMissingRegistryIsMadeAgainFromTheSandboxes() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a"), registryRecord("b")] }
        unlink(fixture.directory.registryFile)
        #expect(try fixture.registry.read().map(\.name) == ["a", "b"])
        #expect(fixture.notices.count == 1 && fixture.notices[0].contains("missing"))
    }

    /// A writer that was killed between writing and renaming leaves its temporary file, whatever that holds.
    @Test func aLeftOverOfAKilledWriterChangesNothing() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        let temporary = fixture.directory.registryFile + ".tmp"
        try Data("{\"version\": 1, \"sandb".utf8).write(to: URL(fileURLWithPath: temporary))
        #expect(try fixture.registry.read().map(\.name) == ["a"])
        try fixture.registry.update { $0.append(registryRecord("b")) }
        #expect(try fixture.registry.read().map(\.name) == ["a", "b"])
        #expect(access(temporary, F_OK) != 0)
        symlink("/etc/passwd", temporary)
        try fixture.registry.update { $0.removeAll() }
        #expect(try String(contentsOfFile: "/etc/passwd", encoding: .utf8).contains("root"))
        #expect(fixture.notices.isEmpty)
    }

    @Test func aCopyUnderAnotherSandboxesNameIsNotBelieved() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        let other = fixture.directory.sandboxFolder("b")
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: fixture.directory.sandboxFolder("a") + "/sandbox.json", toPath: other + "/sandbox.json")
        unlink(fixture.directory.registryFile)
        #expect(try fixture.registry.read().map(\.name) == ["a"])
    }
}
