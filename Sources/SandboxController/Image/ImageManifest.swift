import FoundationEssentials

/// `image.json`: what an image is. Paths are relative to the image's folder and stay inside it. The form is shared
/// with images that Nix builds (`nix/`), so keys are spelled out and unknown ones are ignored.
public struct ImageManifest: Codable, Equatable, Sendable {
    public static let currentVersion = 1

    /// A file of the image and its SHA-256, 64 hexadecimal digits.
    public struct File: Codable, Equatable, Sendable {
        public var path: String
        public var sha256: String
        public init(path: String, sha256: String) {
            self.path = path
            self.sha256 = sha256
        }
    }

    /// A read-only disk, attached as virtio-blk in this order.
    public struct Disk: Codable, Equatable, Sendable {
        public var file: File
        /// `raw` only, in version 1.
        public var format: String
        public init(file: File, format: String) {
            self.file = file
            self.format = format
        }
    }

    public var version: Int
    /// For people, such as `minimal` or `nixos`.
    public var name: String
    /// `x86_64` or `aarch64`.
    public var architecture: String
    public var kernel: File
    public var initrd: File
    /// Kernel parameters of the image itself; the machine adds console, host name and quiet ones.
    public var commandLine: [String]
    public var disks: [Disk]
    /// What is inside, for people and for checks, such as `agent`, `git`, `systemd`.
    public var features: [String]
    /// For people: kernel package and versions.
    public var description: String
    /// Content hash over everything above but `description`; 64 hexadecimal digits. The folder's name.
    public var id: String

    public init(
        version: Int = ImageManifest.currentVersion, name: String, architecture: String, kernel: File, initrd: File,
        commandLine: [String], disks: [Disk], features: [String], description: String, id: String
    ) {
        self.version = version
        self.name = name
        self.architecture = architecture
        self.kernel = kernel
        self.initrd = initrd
        self.commandLine = commandLine
        self.disks = disks
        self.features = features
        self.description = description
        self.id = id
    }
}
