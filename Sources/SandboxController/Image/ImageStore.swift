import FoundationEssentials
import Glibc
import LinuxSystem

/// The images on this host: `ROOT/images/ID`, each immutable and named for its content.
///
/// Concurrency: any number of processes may read; whoever changes something holds `ImageLock`. An image appears and
/// disappears by one rename, so readers need no lock.
public struct ImageStore: Sendable {
    public let directory: StateDirectory
    /// The tag that `start` uses without `--image`, when somebody set it; else `minimal`, else the only image there is.
    public static let defaultTag = "default"

    public init(directory: StateDirectory) { self.directory = directory }

    var folder: String { directory.imagesFolder }
    var indexFile: String { folder + "/index.json" }

    /// One line of `image list`.
    public struct Entry: Sendable {
        public let id: String
        /// Why it cannot be used, or the image.
        public let image: Result<Image, ControllerError>
        public let tags: [String]
        /// Of all its files.
        public let bytes: Int64
        public let built: Date
    }

    /// All images, the newest first, broken ones too.
    public func list() throws(ControllerError) -> [Entry] {
        sweepIfIdle()
        let tags = ImageIndex.load(indexFile).tags
        return identifiers().map { id in
            let place = ImageFolder(path: folder + "/" + id)
            let image: Result<Image, ControllerError>
            do throws(ControllerError) { image = .success(try open(id)) } catch { image = .failure(error) }
            var status = stat()
            let built =
                stat(place.path + "/" + ImageManifest.fileName, &status) == 0 ? TimeInterval(status.st_mtim.tv_sec) : 0
            return Entry(
                id: id, image: image, tags: tags.filter { $0.value == id }.keys.sorted(), bytes: Self.size(place.path),
                built: Date(timeIntervalSince1970: built))
        }.sorted { ($1.built, $1.id) < ($0.built, $0.id) }
    }

    /// Every tag with the id of its image, by name: only the index is read.
    public func tags() -> [(tag: String, id: String)] {
        ImageIndex.load(indexFile).tags.sorted { $0.key < $1.key }.map { (tag: $0.key, id: $0.value) }
    }

    /// By tag, id or the beginning of an id (at least 4 digits).
    /// - Throws: `imageMissing` when nothing or more than one image answers to it.
    public func find(_ reference: String) throws(ControllerError) -> Image {
        let all = identifiers()
        if let id = ImageIndex.load(indexFile).tags[reference], all.contains(id) { return try open(id) }
        let matches = reference.utf8.count >= 4 ? all.filter { $0.hasPrefix(reference.lowercased()) } : []
        guard let id = matches.first, matches.count == 1 else {
            let what = matches.isEmpty ? "There is no image" : "More than one image begins with"
            throw ControllerError(
                .imageMissing, "\(what) \(PrintableText.quoted(reference)).", advice: "See 'keystone agent image list'."
            )
        }
        return try open(id)
    }

    /// The image for a sandbox: the one asked for, or the default one.
    public func resolve(_ reference: String?) throws(ControllerError) -> Image {
        if let reference { return try find(reference) }
        let tags = ImageIndex.load(indexFile).tags
        let all = identifiers()
        if let id = [Self.defaultTag, MinimalImageBuilder.defaultName].compactMap({ tags[$0] }).first(
            where: all.contains)
        {
            return try open(id)
        }
        guard let only = all.first, all.count == 1 else {
            throw ControllerError(
                .imageMissing,
                all.isEmpty ? "There is no image yet." : "There are several images and none is the default.",
                advice: all.isEmpty ? "Make one with 'keystone agent image build'." : "Choose one with --image.")
        }
        return try open(only)
    }

    /// Checks that the image is as it was built.
    /// - Parameter fully: hash every file; otherwise only those whose size or time differs from the last time.
    /// - Throws: `imageBroken`.
    public func verify(_ image: Image, fully: Bool = false) throws(ControllerError) {
        let place = ImageFolder(path: image.folder)
        if fully { try place.verifyFully(image.manifest) } else { try place.verifyQuickly(image.manifest) }
    }

    private func open(_ id: String) throws(ControllerError) -> Image {
        let place = folder + "/" + id
        let manifest = try ImageFolder(path: place).readManifest()
        guard manifest.id == id else {
            throw ControllerError(.imageBroken, "The image in \(PrintableText.escaped(place)) is another one.")
        }
        return Image(folder: place, manifest: manifest)
    }

    private func identifiers() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.utf8.count == 64 && $0.allSatisfy(\.isHexDigit) }.sorted()
    }

    /// Bytes of all files in a folder and below it.
    static func size(_ place: String) -> Int64 {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? []
        return names.reduce(0) { sum, name in
            var status = stat()
            return lstat(place + "/" + name, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
                ? sum + Int64(status.st_size) : sum
        }
    }
}
