import FoundationEssentials

/// How a sandbox's machine is made. Kept in the registry; changed only between starts.
public struct SandboxSettings: Codable, Equatable, Sendable {
    public enum Network: Codable, Equatable, Sendable {
        /// QEMU's user-mode network: outgoing connections, no port on the host.
        case user
        case none
        /// A tap interface of this name that exists or may be made.
        case tap(interface: String)
        /// A bridge that qemu-bridge-helper may attach to.
        case bridge(name: String)
    }

    public enum ShareSecurity: String, Codable, CaseIterable, Sendable { case none, mapped }

    public enum Vsock: String, Codable, CaseIterable, Sendable {
        /// The kernel's device.
        case vhost
        /// Our own.
        case vhostUser = "vhost-user"
    }

    public enum Accelerator: String, Codable, CaseIterable, Sendable { case kvm, tcg }

    /// MiB, at least 1024.
    public var memoryMebibytes: Int
    /// Virtual processors, 1…255.
    public var processors: Int
    /// Whether the guest's processor offers virtualization (vmx, svm).
    public var nested: Bool
    public var network: Network
    /// nil: `none` as an ordinary user, `mapped` as root.
    public var shareSecurity: ShareSecurity?
    /// nil: chosen by evidence.
    public var accelerator: Accelerator?
    /// Image id or tag as the user gave it; nil for the default image.
    public var image: String?
    /// Who commits in the guest; nil: as git on the host says.
    public var gitName: String?
    public var gitEmail: String?

    /// nil: our own where it is installed.
    public var vsock: Vsock?
    /// Seconds without a session after which the sandbox is stopped; nil for never.
    public var idleSeconds: Int?
    /// Whether it stays when it stops; otherwise it is removed then, with all it kept.
    public var persists = true
    /// What its processes may take of the host.
    public var limits = ResourceLimits()

    public static let defaultMemoryMebibytes = 8192
    public static let minimumMemoryMebibytes = 1024
    public static let defaultProcessors = 4

    public init(
        memoryMebibytes: Int = defaultMemoryMebibytes, processors: Int = defaultProcessors, nested: Bool = true,
        network: Network = .user, shareSecurity: ShareSecurity? = nil, accelerator: Accelerator? = nil,
        image: String? = nil, gitName: String? = nil, gitEmail: String? = nil, vsock: Vsock? = nil
    ) {
        self.memoryMebibytes = memoryMebibytes
        self.processors = processors
        self.nested = nested
        self.network = network
        self.shareSecurity = shareSecurity
        self.accelerator = accelerator
        self.image = image
        self.gitName = gitName
        self.gitEmail = gitEmail
        self.vsock = vsock
    }
}
