import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// The guest image of a run, minimal or with systemd: built once, copied into the state directories of tests that need their own.
enum Images {
    /// The built image's folder.
    static func folder() throws -> String { try built.get() }

    private static let built = Result { () throws -> String in
        if TestGuest.current == .systemd {
            let place = try Keystone().mustSucceed(["image", "import", try SystemdImage.make()], within: 300)
            return try Room.shared().stateDirectory + "/images/" + place.line
        }
        let keystone = try Keystone()
        var words = ["image", "build", "--include", "bash", "--include", "git"]
        let probe = try Room.shared().programs + "/keystone-guest-probe"
        if access(probe, X_OK) == 0 { words += ["--include", probe] }
        try keystone.mustSucceed(words, within: 900)
        let images = try Room.shared().stateDirectory + "/images"
        let ids = try FileManager.default.contentsOfDirectory(atPath: images).filter { $0.utf8.count == 64 }
        guard let id = ids.first, ids.count == 1 else { throw Complaint("image build left \(ids) in \(images).") }
        return images + "/" + id
    }

    /// Writes a well-formed image of small files, which boots nothing.
    static func write(
        _ name: String, in folder: String, disks: [String] = [], _ change: (inout ImageManifest) -> Void = { _ in }
    ) throws {
        func file(_ path: String) throws -> ImageManifest.File {
            try Data((path + "\n").utf8).write(to: URL(fileURLWithPath: folder + "/" + path))
            return .init(path: path, sha256: try HostProgram.sha256(ofFile: folder + "/" + path))
        }
        var manifest = ImageManifest(
            name: name, architecture: "x86_64", kernel: try file("kernel"), initrd: try file("initrd"),
            commandLine: [], disks: try disks.map { .init(file: try file($0), format: "raw") }, features: [],
            description: "", id: "")
        change(&manifest)
        manifest.id = manifest.computedID
        try Data(StableJSON.encode(manifest)).write(to: URL(fileURLWithPath: folder + "/image.json"))
    }

    /// Makes sure that a state directory has the image.
    static func build(in directory: StateDirectory, for keystone: Keystone) throws {
        let source = try folder()
        let target = directory.imagesFolder + "/" + (source as NSString).lastPathComponent
        if access(target, F_OK) == 0 { return }
        if let identity = keystone.identity {
            // Another user can't read our state directory, so the image comes to them as a gift.
            let gift = try Room.shared().makeFolder("gift-\(identity.userID)")
            try HostProgram.run(["cp", "-r", source, gift + "/image"])
            try HostProgram.run(["chown", "-R", "\(identity.userID):\(identity.groupID)", gift])
            try keystone.mustSucceed(["image", "import", gift + "/image"])
            try HostProgram.run(["rm", "-rf", gift])
        } else {
            try keystone.mustSucceed(["image", "import", source])
        }
    }
}
