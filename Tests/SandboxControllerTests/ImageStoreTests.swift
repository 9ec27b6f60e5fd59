import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct ImageStoreTests {
    private func failure(_ work: () throws -> Void) -> ControllerError? {
        do { try work() } catch { return error as? ControllerError }
        return nil
    }

    @Test func anImportedImageIsFoundByTagIdAndPrefix() throws {
        let fixture = try ImageFixture()
        let manifest = try fixture.makeImage()
        let image = try fixture.store.importImage(from: fixture.root + "/made", tag: "mine")
        for reference in ["mine", manifest.id, String(manifest.id.prefix(8)), manifest.id.uppercased()] {
            #expect(try fixture.store.find(reference) == image)
        }
        #expect(try fixture.store.resolve(nil) == image)
        #expect(failure { _ = try fixture.store.find("made") }?.code == .imageMissing)
        #expect(failure { _ = try fixture.store.find(String(manifest.id.prefix(3))) }?.code == .imageMissing)
        try fixture.store.verify(image, fully: true)
        var status = stat()
        #expect(stat(image.kernelPath, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(stat(image.folder, &status) == 0 && status.st_mode & 0o777 == 0o700)
    }

    @Test func importingTwiceChangesNothing() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage()
        let first = try fixture.store.importImage(from: fixture.root + "/made")
        var before = stat()
        stat(first.kernelPath, &before)
        let second = try fixture.store.importImage(from: fixture.root + "/made")
        var after = stat()
        stat(second.kernelPath, &after)
        #expect(first == second && before.st_ino == after.st_ino)
    }

    @Test func aWrongHashIsRefusedAtImportAndNothingIsLeft() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage()
        try fixture.write("made/boot/kernel", Array("Kernel".utf8))
        let error = failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }
        #expect(error?.code == .imageBroken && error?.message.contains("hash is wrong") == true)
        #expect(fixture.storeNames.isEmpty)
        try FileManager.default.removeItem(atPath: fixture.root + "/made/initrd")
        #expect(
            failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }?.message.contains("lacks")
                == true)
        #expect(fixture.storeNames.isEmpty)
    }

    @Test(arguments: [true, false]) func aLinkOutOfTheImageIsRefused(_ wholeFolder: Bool) throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage()
        try fixture.write("secret/kernel", Array("kernel".utf8))
        let victim = fixture.root + (wholeFolder ? "/made/boot" : "/made/boot/kernel")
        try FileManager.default.removeItem(atPath: victim)
        let target = fixture.root + (wholeFolder ? "/secret" : "/secret/kernel")
        try FileManager.default.createSymbolicLink(atPath: victim, withDestinationPath: target)
        let error = failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }
        #expect(error?.code == .imageBroken && error?.message.contains("link") == true)
        #expect(fixture.storeNames.isEmpty)
    }

    @Test func aPipeInThePlaceOfAFileDoesNotHang() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage()
        unlink(fixture.root + "/made/initrd")
        mkfifo(fixture.root + "/made/initrd", 0o600)
        #expect(failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }?.code == .imageBroken)
    }

    @Test func aFileChangedInTheStoreIsFoundBeforeAStart() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage()
        let image = try fixture.store.importImage(from: fixture.root + "/made")
        let path = String(image.kernelPath.dropFirst(fixture.root.count + 1))
        try fixture.write(path, Array("Kernel".utf8))
        #expect(failure { try fixture.store.verify(image) }?.message.contains("hash is wrong") == true)
        // The same bytes at another time are fine, and are remembered so.
        try fixture.write(path, Array("kernel".utf8))
        try fixture.store.verify(image)
        unlink(image.initrdPath)
        #expect(failure { try fixture.store.verify(image) }?.message.contains("lacks") == true)
        // Importing it again heals it.
        try fixture.store.verify(try fixture.store.importImage(from: fixture.root + "/made"), fully: true)
    }

    @Test func withoutImagesTheAdviceSaysHowToMakeOne() throws {
        let fixture = try ImageFixture()
        let error = failure { _ = try fixture.store.resolve(nil) }
        #expect(error?.code == .imageMissing && error?.advice?.contains("image build") == true)
        #expect(try fixture.store.list().isEmpty)
    }

    @Test func severalImagesNeedADefault() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage("one") { $0.name = "one" }
        _ = try fixture.makeImage("two") { $0.name = "two" }
        let one = try fixture.store.importImage(from: fixture.root + "/one")
        _ = try fixture.store.importImage(from: fixture.root + "/two")
        #expect(failure { _ = try fixture.store.resolve(nil) }?.code == .imageMissing)
        try fixture.store.tag(one, as: ImageStore.defaultTag)
        #expect(try fixture.store.resolve(nil) == one)
        #expect(try fixture.store.list().flatMap(\.tags).sorted() == ["default", "one", "two"])
    }

    @Test func pruneKeepsWhatIsUsedOrTagged() throws {
        let fixture = try ImageFixture()
        for name in ["one", "two", "three"] {
            _ = try fixture.makeImage(name) { $0.features = [name] }
            // All get the tag "made", and the last keeps it.
            _ = try fixture.store.importImage(from: fixture.root + "/" + name)
        }
        let used = try #require(try fixture.store.list().first { $0.tags.isEmpty })
        #expect(try fixture.store.prune(keeping: [used.id]).count == 1)
        #expect(try fixture.store.list().count == 2)
        #expect(try fixture.store.prune(keeping: [used.id], everything: true).count == 1)
        #expect(try fixture.store.list().map(\.id) == [used.id])
    }

    private func holdingTheLock(_ fixture: ImageFixture, _ body: () throws -> Void) throws {
        let lock = try ImageLock(folder: fixture.store.folder)
        try body()
        _ = consume lock
    }

    @Test func aBusyStoreSaysSoAtOnceAndReadersGoOn() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage()
        let image = try fixture.store.importImage(from: fixture.root + "/made")
        try holdingTheLock(fixture) { () throws in
            #expect(failure { _ = try fixture.store.importImage(from: fixture.root + "/made") }?.code == .busy)
            #expect(failure { _ = try fixture.store.prune(keeping: []) }?.code == .busy)
            #expect(try fixture.store.resolve(nil) == image)
            #expect(try fixture.store.list().count == 1)
        }
        try fixture.store.tag(image, as: "free")
    }

    @Test func whatAKilledCommandLeftIsSweptByTheNext() throws {
        let fixture = try ImageFixture()
        try fixture.write("state/images/.work-99999/vmlinux", [1])
        try fixture.write("state/cache/kernels/.fetch-99999/x.deb", [1])
        try fixture.write("state/cache/kernels/.prepare-99999/vmlinux", [1])
        #expect(try fixture.store.list().isEmpty)
        #expect(fixture.storeNames.isEmpty && fixture.names("state/cache/kernels").isEmpty)
    }

    @Test func aBrokenIndexIsSetAsideAndABrokenImageIsListed() throws {
        let fixture = try ImageFixture()
        _ = try fixture.makeImage()
        let image = try fixture.store.importImage(from: fixture.root + "/made")
        try fixture.write("state/images/index.json", Array("{nonsense".utf8))
        #expect(try fixture.store.resolve(nil) == image)
        #expect(fixture.names("state/images").contains("index.json.broken"))
        try fixture.write(String(image.folder.dropFirst(fixture.root.count + 1)) + "/image.json", Array("{}".utf8))
        let entry = try #require(try fixture.store.list().first)
        #expect(throws: ControllerError.self) { try entry.image.get() }
    }
}
