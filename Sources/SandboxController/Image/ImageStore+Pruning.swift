import FoundationEssentials
import Glibc

extension ImageStore {
    /// Lets a tag name an image; it named another before, or none.
    public func tag(_ image: Image, as tag: String) throws(ControllerError) {
        try SandboxName.validate(tag)
        let lock = try ImageLock(folder: folder)
        var index = ImageIndex.load(indexFile)
        index.tags[tag] = image.id
        try index.save(indexFile)
        _ = consume lock
    }

    /// What `prune` would remove.
    public func unused(keeping: Set<String>, everything: Bool = false) throws(ControllerError) -> [Entry] {
        let tagged = Set(ImageIndex.load(indexFile).tags.values)
        return try list().filter { !keeping.contains($0.id) && (everything || !tagged.contains($0.id)) }
    }

    /// Removes the images that no sandbox uses and no tag names.
    /// - Parameters:
    ///   - keeping: ids in use.
    ///   - everything: those with a tag too.
    /// - Returns: what was removed.
    public func prune(keeping: Set<String>, everything: Bool = false) throws(ControllerError) -> [Entry] {
        let lock = try ImageLock(folder: folder)
        sweep()
        var index = ImageIndex.load(indexFile)
        let doomed = try unused(keeping: keeping, everything: everything)
        index.forget(Set(doomed.map(\.id)))
        try index.save(indexFile)
        for entry in doomed {
            // Out of sight first: a half-removed image must not be found.
            let grave = folder + "/" + Self.workPrefix + entry.id
            rename(folder + "/" + entry.id, grave)
            PrivateFiles.remove(grave)
        }
        _ = consume lock
        return doomed
    }
}
