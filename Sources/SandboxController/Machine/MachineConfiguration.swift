/// Everything that QEMU's command line depends on. Descriptor numbers are those of the QEMU process: whoever starts it
/// places them (`SpawnRequest.descriptors`).
public struct MachineConfiguration: Equatable, Sendable {
    /// A folder of the host that the guest mounts by its tag.
    public struct Share: Equatable, Sendable {
        /// Absolute path.
        public var path: String
        public var tag: String
        public var security: SandboxSettings.ShareSecurity

        public init(path: String, tag: String = Share.workspaceTag, security: SandboxSettings.ShareSecurity) {
            self.path = path
            self.tag = tag
            self.security = security
        }
        /// Mounted at `/workspace` by the agent.
        public static let workspaceTag = "workspace"
    }

    public enum Network: Equatable, Sendable {
        case none
        /// QEMU's own NAT; needs no right on the host and opens no port.
        case user
        /// An open tap; the guest asks for an address by DHCP.
        case tap(descriptor: Int32)
    }

    public enum Vsock: Equatable, Sendable {
        /// Our vhost-user device, behind `Descriptors.vsock`.
        case device
        /// The kernel's, whose open device `Descriptors.vsock` is and which holds this context id.
        case kernel(guestCID: UInt32)
    }

    /// Descriptors that QEMU inherits.
    public struct Descriptors: Equatable, Sendable {
        /// See `Vsock`. For `device`, one end of a socket pair; the other is `keystone-vhost-vsock --fd`'s.
        public var vsock: Int32
        /// One end of a socket pair; the other speaks QMP.
        public var control: Int32
        /// Write-only (`O_WRONLY`, with `O_APPEND` for a file): what the guest's console prints.
        public var console: Int32
        /// Readable: the boot credential, such as a memfd. QEMU opens it again through `/proc/self/fd`.
        public var credential: Int32?

        public init(vsock: Int32, control: Int32, console: Int32, credential: Int32?) {
            self.vsock = vsock
            self.control = control
            self.console = console
            self.credential = credential
        }
    }

    /// The guest's host name; see `SandboxName`.
    public var name: String
    public var image: Image
    public var memoryMebibytes: Int
    public var processors: Int
    public var nested: Bool
    public var accelerator: SandboxSettings.Accelerator
    public var vsock: Vsock
    public var shares: [Share]
    public var network: Network
    public var descriptors: Descriptors
    /// A small firmware that only starts Linux (qboot), or nil for QEMU's own; see `QemuProgram`.
    public var firmware: String?
    /// See `QemuProgram`.
    public var keepsStaleCode: Bool
    /// 32 hexadecimal digits, or nil for one that a systemd guest makes up at each boot; see `MachineIdentity`.
    public var machineID: String?

    public init(
        name: String, image: Image, memoryMebibytes: Int, processors: Int, nested: Bool,
        accelerator: SandboxSettings.Accelerator, vsock: Vsock = .device, shares: [Share], network: Network,
        descriptors: Descriptors, firmware: String?, keepsStaleCode: Bool, machineID: String? = nil
    ) {
        self.name = name
        self.image = image
        self.memoryMebibytes = memoryMebibytes
        self.processors = processors
        self.nested = nested
        self.accelerator = accelerator
        self.vsock = vsock
        self.shares = shares
        self.network = network
        self.descriptors = descriptors
        self.firmware = firmware
        self.keepsStaleCode = keepsStaleCode
        self.machineID = machineID
    }
}
