import Foundation
import Glibc
import Testing

@testable import SandboxController

extension EndToEnd {
    /// `image import` of a folder that is not what its `image.json` says: refused in a sentence, and nothing is kept of it.
    @Suite struct ImageContracts {

        /// A well-formed image of three small files, which a test then spoils.
        private func folder(
            _ name: String, _ change: (inout ImageManifest) -> Void = { _ in }
        ) throws -> String {
            let folder = try Room.shared().makeFolder("contracts/" + name)
            try Images.write("contract", in: folder, disks: ["store.erofs"], change)
            return folder
        }

        private func expectRefusal(_ folder: String, naming words: [String]) throws {
            let state = try Room.shared().folder + "/contracts/state-of-" + (folder as NSString).lastPathComponent
            let finished = try Keystone(stateDirectory: state).agent("image", "import", folder)
            #expect(finished.code == 5 && finished.isOneClearSentence, "\(finished)")
            for word in words { #expect(finished.errorText.contains(word), "\(word): \(finished)") }
            let kept = (try? FileManager.default.contentsOfDirectory(atPath: state + "/images")) ?? []
            #expect(kept.allSatisfy { $0.hasPrefix(".lock") }, "\(kept)")
        }

        @Test func aWellFormedOneIsTaken() throws {
            let state = try Room.shared().folder + "/contracts/state-of-good"
            try Keystone(stateDirectory: state).mustSucceed(["image", "import", try folder("good")])
        }

        @Test(arguments: ["kernel", "initrd", "store.erofs"]) func aMissingFileIsNamed(path: String) throws {
            let folder = try folder("missing-" + path)
            unlink(folder + "/" + path)
            try expectRefusal(folder, naming: ["lacks", path])
        }

        @Test(arguments: ["kernel", "initrd", "store.erofs"]) func aFileWithAnotherHashIsNamed(path: String) throws {
            let folder = try folder("changed-" + path)
            try Data("changed".utf8).write(to: URL(fileURLWithPath: folder + "/" + path))
            try expectRefusal(folder, naming: [path])
        }

        @Test(arguments: [0, 2, 99]) func anUnknownVersionIsNamed(version: Int) throws {
            let folder = try folder("version-\(version)") { $0.version = version }
            try expectRefusal(folder, naming: ["version \(version)", "knows 1 only"])
        }

        @Test(arguments: ["/etc/hostname", "../kernel", "a/../../kernel", "./kernel", ""])
        func aPathThatIsNotInsideIsRefused(path: String) throws {
            let name = path.replacingOccurrences(of: "/", with: "_")
            try expectRefusal(
                try folder("kernel-at" + name) { $0.kernel.path = path }, naming: ["not inside the image"])
            try expectRefusal(
                try folder("disk-at" + name) { $0.disks[0].file.path = path }, naming: ["not inside the image"])
        }

        @Test func aLinkThatLeadsOutIsNotFollowed() throws {
            let folder = try folder("linked")
            unlink(folder + "/store.erofs")
            #expect(symlink("/etc/passwd", folder + "/store.erofs") == 0)
            try expectRefusal(folder, naming: ["store.erofs", "link"])
        }

        @Test func aManifestThatIsNoneIsRefused() throws {
            for (name, text) in [("empty", ""), ("list", "[]"), ("half", "{\"version\":1,\"name\":\"x\"}")] {
                let folder = try folder("manifest-" + name)
                try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/image.json"))
                try expectRefusal(folder, naming: ["image.json"])
            }
        }
    }
}
