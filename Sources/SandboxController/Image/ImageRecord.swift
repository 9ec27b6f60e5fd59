import FoundationEssentials
import Glibc
import LinuxSystem

/// `verified.json` beside the manifest: what each file was like when its hash was last found right, so that a start can
/// tell within microseconds that nothing was changed since.
struct ImageRecord: Codable, Equatable {
    static let fileName = "verified.json"
    struct Entry: Codable, Equatable {
        var size: Int64
        /// Nanoseconds since 1970.
        var modified: Int64
        var inode: UInt64
    }
    var files: [String: Entry] = [:]

    static func entry(of file: borrowing FileDescriptor) throws(SystemError) -> Entry {
        var status = stat()
        let raw = file.rawValue
        try retryingInterrupts("read") { fstat(raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError("open", code: EINVAL) }
        return Entry(
            size: Int64(status.st_size),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            inode: UInt64(status.st_ino))
    }
}

/// The folder of an image, opened so that no path of a manifest leads out of it, not even by a planted link.
struct ImageFolder {
    /// Absolute path.
    let path: String

    func readManifest() throws(ControllerError) -> ImageManifest {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try open(ImageManifest.fileName).readAll(limit: ImageManifest.maximumBytes)
        } catch {
            let sentence = "Cannot read \(ImageManifest.fileName) in \(PrintableText.escaped(path))"
            throw error.told(sentence, as: error.code == ENOENT ? .imageMissing : .imageBroken)
        }
        return try ImageManifest.parse(bytes)
    }

    /// Opens a regular file of the image for reading.
    /// - Throws: `ELOOP` when a part of the path is a link, `EINVAL` when it is no regular file.
    func open(_ file: String) throws(SystemError) -> FileDescriptor {
        var folder = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        var parts = file.split(separator: "/").map(String.init)
        let last = parts.popLast() ?? ""
        for part in parts { folder = try folder.open(part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) }
        // Non-blocking, so that a FIFO in the place of a file does not hang us.
        let opened = try folder.open(last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        _ = try ImageRecord.entry(of: opened)
        return opened
    }

    /// Hashes every file of the manifest and writes down what they are like.
    /// - Throws: `imageBroken` naming the first file that is missing or not as it was.
    func verifyFully(_ manifest: ImageManifest) throws(ControllerError) {
        var record = ImageRecord()
        for file in manifest.files {
            try check(file) { (opened) throws(SystemError) in
                record.files[file.path] = try ImageRecord.entry(of: opened)
                return try PrivateFiles.sha256(opened) == file.sha256
            }
        }
        // Only a shortcut for the next time: an image in a read-only place is as good without.
        try? PrivateFiles.write(StableJSON.encode(record), to: path + "/" + ImageRecord.fileName)
    }

    /// Compares sizes and times with the record, and hashes only when they differ or there is none.
    func verifyQuickly(_ manifest: ImageManifest) throws(ControllerError) {
        let data = FileManager.default.contents(atPath: path + "/" + ImageRecord.fileName)
        let record = data.flatMap { try? JSONDecoder().decode(ImageRecord.self, from: $0) } ?? ImageRecord()
        var same = true
        for file in manifest.files {
            try check(file) { (opened) throws(SystemError) in
                if record.files[file.path] != (try ImageRecord.entry(of: opened)) { same = false }
                return true
            }
        }
        if !same { try verifyFully(manifest) }
    }

    private func check(
        _ file: ImageManifest.File, _ isRight: (borrowing FileDescriptor) throws(SystemError) -> Bool
    ) throws(ControllerError) {
        let name = PrintableText.quoted(file.path)
        let right: Bool
        do throws(SystemError) {
            right = try isRight(try open(file.path))
        } catch {
            let place = PrintableText.escaped(path)
            let advice = "Build or import the image again."
            switch error.code {
            case ENOENT, ENOTDIR:
                throw ControllerError(.imageBroken, "The image in \(place) lacks its file \(name).", advice: advice)
            case ELOOP:
                throw ControllerError(
                    .imageBroken, "\(name) of the image in \(place) is a link, which an image may not have.")
            case EINVAL: throw ControllerError(.imageBroken, "\(name) of the image in \(place) is no regular file.")
            default: throw error.told("Cannot read \(name) of the image in \(place)", as: .imageBroken)
            }
        }
        guard right else {
            throw ControllerError(
                .imageBroken, "\(name) of the image in \(PrintableText.escaped(path)) was changed: its hash is wrong.",
                advice: "Build or import the image again.")
        }
    }
}
