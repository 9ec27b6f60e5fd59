import FoundationEssentials
import Glibc
import LinuxSystem

/// `images/index.json`: names of images, and which inputs made which image.
struct ImageIndex: Codable, Equatable {
    static let currentVersion = 1
    var version = ImageIndex.currentVersion
    /// Image id by tag.
    var tags: [String: String] = [:]
    /// Image id by the fingerprint of all that went into a build.
    var inputs: [String: String] = [:]

    /// A missing index is an empty one; a broken one is set aside, for it holds nothing that a build does not restore.
    static func load(_ path: String) -> ImageIndex {
        guard let data = FileManager.default.contents(atPath: path) else { return ImageIndex() }
        if let index = try? JSONDecoder().decode(ImageIndex.self, from: data), index.version == currentVersion {
            return index
        }
        rename(path, path + ".broken")
        return ImageIndex()
    }

    /// The caller holds the store's lock.
    func save(_ path: String) throws(ControllerError) {
        try PrivateFiles.write(StableJSON.encode(self, pretty: true), to: path)
    }

    /// Forgets all that is said of these images.
    mutating func forget(_ ids: Set<String>) {
        tags = tags.filter { !ids.contains($0.value) }
        inputs = inputs.filter { !ids.contains($0.value) }
    }
}

/// Held by whoever changes the store, for as long as it does. Dies with its process.
struct ImageLock: ~Copyable {
    private let file: FileDescriptor

    /// - Throws: `busy` at once when another process holds it.
    init(folder: String) throws(ControllerError) {
        try PrivateFiles.makeFolder(folder)
        do throws(SystemError) {
            file = try Self.take(folder + "/.lock")
        } catch  where error.code == EWOULDBLOCK {
            throw ControllerError(
                .busy, "Another image command is changing the images in \(PrintableText.escaped(folder)).",
                advice: "Wait for it to end and try again.")
        } catch {
            throw error.told("Cannot lock \(PrintableText.escaped(folder))", as: .internal)
        }
    }

    /// Unlocked by name: a child that another thread is just starting still has a copy of the descriptor, which would hold
    /// the lock until it executes its program.
    deinit { flock(file.rawValue, LOCK_UN) }

    private static func take(_ path: String) throws(SystemError) -> FileDescriptor {
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT)
        let raw = file.rawValue
        try retryingInterrupts("lock") { flock(raw, LOCK_EX | LOCK_NB) }
        return file
    }
}
