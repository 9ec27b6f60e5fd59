import FoundationEssentials
import Glibc
import LinuxSystem

extension ImageStore {
    /// Folders that are being made or removed; of no use to anybody once their process is gone.
    static let workPrefix = ".work-"

    /// Removes what killed commands left. The caller holds the lock, so nobody else is at work.
    func sweep() {
        for parent in [folder, directory.cacheFolder + "/kernels"] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
                let isWork = [Self.workPrefix, ".fetch-", ".prepare-"].contains { name.hasPrefix($0) }
                if isWork { PrivateFiles.remove(parent + "/" + name) }
            }
        }
    }

    /// The same when nobody holds the lock.
    func sweepIfIdle() {
        guard access(folder, W_OK) == 0, let lock = try? ImageLock(folder: folder) else { return }
        sweep()
        _ = consume lock
    }

    /// Copies an image made elsewhere (by Nix, by another host) into the store.
    /// - Parameters:
    ///   - source: a folder with `image.json`; may itself be a link, such as Nix's `result`.
    ///   - tag: a name for it; the manifest's own when nil.
    /// - Throws: `imageMissing`, `imageBroken`, `busy`, `noSpace`; the store is then as before.
    public func importImage(
        from source: String, tag: String? = nil, progress: any ProgressReporter = SilentProgress()
    ) throws(ControllerError) -> Image {
        if let tag { try SandboxName.validate(tag) }
        let lock = try ImageLock(folder: folder)
        sweep()
        let origin = ImageFolder(
            path: source.hasPrefix("/") ? source : FileManager.default.currentDirectoryPath + "/" + source)
        let manifest = try origin.readManifest()
        let place = folder + "/" + manifest.id
        if access(place, F_OK) != 0 || (try? ImageFolder(path: place).verifyQuickly(manifest)) == nil {
            progress.stage("copying the image")
            let work = try makeWorkFolder()
            defer { PrivateFiles.remove(work) }
            for file in manifest.files {
                let target = work + "/" + file.path
                try PrivateFiles.makeFolder(target.parentPath)
                if access(target, F_OK) == 0 { continue }  // One file may serve twice.
                do throws(SystemError) {
                    try PrivateFiles.copy(from: try origin.open(file.path), to: target)
                } catch  where error.code == ENOENT {
                    throw ControllerError(.imageBroken, "The image lacks its file \(PrintableText.quoted(file.path)).")
                } catch  where error.code == ELOOP || error.code == ENOTDIR {
                    throw ControllerError(
                        .imageBroken,
                        "The image's file \(PrintableText.quoted(file.path)) is a link or lies behind one, and may lead out."
                    )
                } catch {
                    throw error.told(
                        "Cannot copy the image's file \(PrintableText.quoted(file.path))", as: .imageBroken)
                }
            }
            progress.stage("verifying the image")
            try publish(work, manifest)
        }
        var index = ImageIndex.load(indexFile)
        index.tags[tag ?? manifest.name] = manifest.id
        try index.save(indexFile)
        _ = consume lock
        return Image(folder: place, manifest: manifest)
    }

    func makeWorkFolder() throws(ControllerError) -> String {
        let work = folder + "/" + Self.workPrefix + "\(getpid())"
        PrivateFiles.remove(work)
        try PrivateFiles.makeFolder(work)
        return work
    }

    /// Verifies a finished work folder, writes its manifest and gives it its name in one rename.
    func publish(_ work: String, _ manifest: ImageManifest) throws(ControllerError) {
        try ImageFolder(path: work).verifyFully(manifest)
        try PrivateFiles.write(StableJSON.encode(manifest, pretty: true), to: work + "/" + ImageManifest.fileName)
        PrivateFiles.syncFolder(work)
        let place = folder + "/" + manifest.id
        // What is there under this name is broken, or we would not be here; it goes out of sight first.
        if access(place, F_OK) == 0 {
            let grave = folder + "/" + Self.workPrefix + manifest.id
            rename(place, grave)
            PrivateFiles.remove(grave)
        }
        guard rename(work, place) == 0 else {
            throw SystemError("rename").told(
                "Cannot keep the image in \(PrintableText.escaped(place))", as: .imageBuildFailed)
        }
        PrivateFiles.syncFolder(folder)
    }
}
