import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// State that is broken, missing or held by somebody else.
    @Suite struct BrokenState {
        @Test(arguments: ["{ not json", "", "{\"version\":1}", "[]"])
        func aBrokenRegistryIsSetAsideAndMadeAgain(text: String) throws {
            let sandbox = try SharedSandbox.get()
            let registry = sandbox.directory.registryFile
            let before = try Data(contentsOf: URL(fileURLWithPath: registry))
            try Data(text.utf8).write(to: URL(fileURLWithPath: registry))
            let list = try sandbox.keystone.agent("list", "--json")
            #expect(list.code == 0 && list.text.contains("\"shared\""), "\(list)")
            #expect(list.errorText.contains("broken") && list.errorText.contains(registry), "\(list)")
            // Nothing is lost: not the broken file, not the sandbox.
            let aside = try FileManager.default.contentsOfDirectory(atPath: sandbox.directory.root).filter {
                $0.hasPrefix("sandboxes.json.broken")
            }
            #expect(
                aside.contains {
                    (try? Data(contentsOf: URL(fileURLWithPath: sandbox.directory.root + "/" + $0))) == Data(text.utf8)
                })
            for name in aside { unlink(sandbox.directory.root + "/" + name) }
            #expect(try sandbox.exec("echo", "alive").line == "alive")
            #expect(try sandbox.keystone.agent("list").errors.isEmpty, "it is said once")
            #expect(try Data(contentsOf: URL(fileURLWithPath: registry)).count > 0 && !before.isEmpty)
        }

        @Test func aRegistryOfALaterVersionIsLeftAlone() throws {
            let folder = try Room.shared().makeFolder("state-of-the-future")
            chmod(folder, 0o700)
            let text = Data("{\"version\":99,\"sandboxes\":[]}".utf8)
            try text.write(to: URL(fileURLWithPath: folder + "/sandboxes.json"))
            let finished = try Keystone(stateDirectory: folder).agent("list")
            #expect(
                finished.code == 1 && finished.isOneClearSentence && finished.errorText.contains("99"), "\(finished)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/sandboxes.json")) == text)
        }

        /// A state directory of the test's own with the image in it.
        private func withImage(_ name: String, _ body: (TestSandbox, _ image: String) throws -> Void) throws {
            let project = try Project(name)
            let keystone = try Keystone(in: project.folder, stateDirectory: Room.shared().folder + "/state-of-" + name)
            let sandbox = TestSandbox(name: name, project: project, keystone: keystone)
            try Images.build(in: sandbox.directory, for: keystone)
            defer {
                sandbox.remove()
                try? FileManager.default.removeItem(atPath: sandbox.directory.root)
            }
            try body(
                sandbox, sandbox.directory.imagesFolder + "/" + (try Images.folder() as NSString).lastPathComponent)
        }

        private func expectABrokenImage(_ sandbox: TestSandbox, naming word: String) throws {
            let finished = try sandbox.keystone.agent(TestSandbox.startWords(sandbox.name), within: 120)
            #expect(finished.code == 5 && finished.errorText.contains(word), "\(finished)")
            #expect(
                finished.errorText.split(separator: "\n").contains { $0.hasPrefix("keystone: ") && $0.hasSuffix(".") },
                "\(finished)")
            #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
        }

        @Test func aMissingKernelIsTold() throws {
            try withImage("no-kernel") { sandbox, image in
                let manifest = try JSONDecoder().decode(
                    ImageManifest.self, from: Data(contentsOf: URL(fileURLWithPath: image + "/image.json")))
                unlink(image + "/" + manifest.kernel.path)
                try expectABrokenImage(sandbox, naming: manifest.kernel.path)
            }
        }

        @Test func anImageWhoseContentChangedIsTold() throws {
            try withImage("bad-hash") { sandbox, image in
                let manifest = try JSONDecoder().decode(
                    ImageManifest.self, from: Data(contentsOf: URL(fileURLWithPath: image + "/image.json")))
                let path = image + "/" + manifest.initrd.path
                chmod(path, 0o600)
                let file = try FileDescriptor.open(path, O_RDWR)
                var byte: UInt8 = 0
                #expect(pread(file.rawValue, &byte, 1, 1000) == 1)
                byte ^= 0xFF
                #expect(pwrite(file.rawValue, &byte, 1, 1000) == 1)
                try expectABrokenImage(sandbox, naming: manifest.initrd.path)
            }
        }

        @Test func anImageWithAWrongHashIsNotImported() throws {
            let source = try Images.folder()
            let copy = try Room.shared().makeFolder("forged") + "/image"
            try HostProgram.run(["cp", "-r", source, copy])
            defer { try? FileManager.default.removeItem(atPath: copy) }
            let path = copy + "/image.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let manifest = try JSONDecoder().decode(ImageManifest.self, from: Data(text.utf8))
            try text.replacingOccurrences(of: manifest.kernel.sha256, with: String(repeating: "0", count: 64)).write(
                toFile: path, atomically: true, encoding: .utf8)
            let finished = try Keystone(stateDirectory: Room.shared().folder + "/state-of-forged").agent(
                "image", "import", copy)
            #expect(finished.code == 5 && finished.isOneClearSentence, "\(finished)")
        }

        @Test func aBusyStateDirectoryIsTold() throws {
            try withImage("busy-state") { sandbox, _ in
                try HostProgram.run(["touch", sandbox.directory.registryLock])
                let lock = try FileDescriptor.open(sandbox.directory.registryLock, O_RDWR)
                #expect(flock(lock.rawValue, LOCK_EX) == 0)
                let finished = try sandbox.keystone.agent(TestSandbox.startWords(sandbox.name), within: 60)
                #expect(
                    finished.code == 7 && finished.isOneClearSentence && finished.errorText.contains("busy"),
                    "\(finished)")
                #expect(finished.seconds < 20)
                flock(lock.rawValue, LOCK_UN)
                #expect(Traces.of(sandbox).isEmpty)
            }
        }

        @Test func aBusyImageStoreIsTold() throws {
            try withImage("busy-images") { sandbox, _ in
                let lock = try FileDescriptor.open(sandbox.directory.imagesFolder + "/.lock", O_RDWR | O_CREAT)
                #expect(flock(lock.rawValue, LOCK_EX) == 0)
                let finished = try sandbox.keystone.agent("image", "build")
                #expect(finished.code == 7 && finished.isOneClearSentence, "\(finished)")
            }
        }

        @Test func buildingTwiceDoesNoWork() throws {
            let id = (try Images.folder() as NSString).lastPathComponent
            var words = ["image", "build", "--include", "bash", "--include", "git"]
            let probe = try Room.shared().programs + "/keystone-guest-probe"
            if access(probe, X_OK) == 0 { words += ["--include", probe] }
            var keystone = try Keystone()
            // A package that is named is unpacked each time; the kernel is in the cache now.
            keystone.environment["KEYSTONE_KERNEL_PACKAGE"] = nil
            let again = try keystone.mustSucceed(words)
            #expect(again.text.contains(id.prefix(12)), "\(again)")
            #expect(again.seconds < 5, "\(again.seconds) s")
        }
    }
}
