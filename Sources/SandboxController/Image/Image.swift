/// An image in the store: a folder whose manifest is well-formed.
public struct Image: Equatable, Sendable {
    /// Absolute path.
    public let folder: String
    public let manifest: ImageManifest

    public init(folder: String, manifest: ImageManifest) {
        self.folder = folder
        self.manifest = manifest
    }

    public var id: String { manifest.id }
    public var kernelPath: String { folder + "/" + manifest.kernel.path }
    public var initrdPath: String { folder + "/" + manifest.initrd.path }
    public var diskPaths: [String] { manifest.disks.map { folder + "/" + $0.file.path } }
}
