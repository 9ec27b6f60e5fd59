import Glibc
import LinuxSystem

/// What provisioning sets beside files.
protocol ProvisionedMachine: Sendable {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    func clock() -> UInt64
    func setClock(_ nanoseconds: UInt64) throws(SystemError)
    func hostName() -> String
    func setHostName(_ name: String) throws(SystemError)
    /// Mixes bytes into the kernel's random pool.
    func addEntropy(_ bytes: [UInt8]) throws(SystemError)
    /// Makes sure that what is written to a folder stays in memory.
    /// - Parameters:
    ///   - options: of a tmpfs that is mounted there when need be (tmpfs(5)).
    ///   - executable: whether programs may be run from it.
    func provideMemory(at folder: String, options: String, executable: Bool) throws(SystemError)
}

/// The machine that the agent runs on.
struct OwnMachine: ProvisionedMachine {
    func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    func setClock(_ nanoseconds: UInt64) throws(SystemError) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        try retryingInterrupts("set the clock") { clock_settime(CLOCK_REALTIME, &time) }
    }

    func hostName() -> String {
        // One more than sethostname(2) takes, so the terminator is always there.
        var name = [CChar](repeating: 0, count: 65)
        gethostname(&name, 64)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func setHostName(_ name: String) throws(SystemError) { try Machine.setHostName(name) }

    /// By write(2), which mixes the bytes in without counting them as entropy (random(4)). What counts them, the ioctl
    /// RNDADDENTROPY, matters only to a kernel whose pool is not initialised, and one with virtio-rng or RDRAND is
    /// before the agent starts.
    func addEntropy(_ bytes: [UInt8]) throws(SystemError) {
        try FileDescriptor.open("/dev/urandom", O_WRONLY).writeAll(bytes)
    }

    /// A mount of its own, though /run mostly is a tmpfs too: there is no telling what else is written to that one, which
    /// then would have no room for us.
    func provideMemory(at folder: String, options: String, executable: Bool) throws(SystemError) {
        if try isMount(folder) { return }
        var flags: Mount.Options = [.noSetUserID, .noDevices]
        if !executable { flags.insert(.noExecute) }
        try Mount.mount("keystone", on: folder, type: "tmpfs", options: flags, data: options)
        guard try isMount(folder) else { throw SystemError("mount memory on \(folder)", code: EIO) }
    }

    private func isMount(_ folder: String) throws(SystemError) -> Bool {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        let inside = try FileDescriptor.open(folder, flags)
        let outside = try inside.open("..", flags)
        var (own, parent) = (stat(), stat())
        guard fstat(inside.rawValue, &own) == 0, fstat(outside.rawValue, &parent) == 0 else {
            throw SystemError("look at \(folder)")
        }
        return own.st_dev != parent.st_dev && MountTable.fileSystem(of: inside) == "tmpfs"
    }
}

/// For a root that is not this machine's: its files can be provisioned, the machine is not touched.
struct ForeignMachine: ProvisionedMachine {
    func clock() -> UInt64 { 0 }
    func hostName() -> String { "" }
    func setClock(_ nanoseconds: UInt64) throws(SystemError) { throw SystemError("set the clock", code: EPERM) }
    func setHostName(_ name: String) throws(SystemError) { throw SystemError("set the host name", code: EPERM) }
    func addEntropy(_ bytes: [UInt8]) throws(SystemError) { throw SystemError("seed the random pool", code: EPERM) }
    func provideMemory(at folder: String, options: String, executable: Bool) throws(SystemError) {
        guard MountTable.fileSystem(of: try FileDescriptor.open(folder, O_RDONLY | O_DIRECTORY)) == "tmpfs" else {
            throw SystemError("keep tokens in memory below \(folder)", code: EPERM)
        }
    }
}
