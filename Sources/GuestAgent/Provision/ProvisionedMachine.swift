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
}

/// For a root that is not this machine's: its files can be provisioned, the machine is not touched.
struct ForeignMachine: ProvisionedMachine {
    func clock() -> UInt64 { 0 }
    func hostName() -> String { "" }
    func setClock(_ nanoseconds: UInt64) throws(SystemError) { throw SystemError("set the clock", code: EPERM) }
    func setHostName(_ name: String) throws(SystemError) { throw SystemError("set the host name", code: EPERM) }
    func addEntropy(_ bytes: [UInt8]) throws(SystemError) { throw SystemError("seed the random pool", code: EPERM) }
}
