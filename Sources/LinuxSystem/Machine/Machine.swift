import CLinux
import Glibc

/// What only an init does to its machine.
public enum Machine {
    /// Loads a kernel module from a file (`finit_module(2)`); one that is loaded already is no error.
    /// - Parameter arguments: module parameters as `insmod(8)` takes them.
    public static func loadModule(_ path: String, arguments: String = "") throws(SystemError) {
        let file = try FileDescriptor.open(path, O_RDONLY)
        let raw = file.rawValue
        do throws(SystemError) {
            try retryingInterrupts("load \(path)") { ks_finit_module(raw, arguments) }
        } catch {
            if error.code != EEXIST { throw error }
        }
    }

    /// Memory in no use at all, in KiB, which is less than is available (sysinfo(2)).
    public static var unusedMemory: UInt64 {
        var found = sysinfo()
        guard sysinfo(&found) == 0 else { return 0 }
        return UInt64(found.freeram) * UInt64(found.mem_unit) / 1024
    }

    /// Ends the machine at once. Returns only on failure.
    public static func powerOff() { _ = reboot(Int32(RB_POWER_OFF)) }
    /// Restarts the machine at once. Returns only on failure.
    public static func restart() { _ = reboot(Int32(RB_AUTOBOOT)) }

    /// Ctrl-Alt-Del sends SIGINT to PID 1 instead of restarting at once (RB_DISABLE_CAD of reboot(2)).
    public static func sendControlAltDeleteToInit() { _ = reboot(0) }

    /// Sets an interface's IPv4 address and brings it up. All in network byte order; 0 leaves a part out.
    public static func configureInterface(_ name: String, address: UInt32, netmask: UInt32, gateway: UInt32)
        throws(SystemError)
    {
        try retryingInterrupts("configure \(name)") { ks_configure_ipv4(name, address, netmask, gateway) }
    }

    public static func setHostName(_ name: String) throws(SystemError) {
        try retryingInterrupts("set the host name") { sethostname(name, name.utf8.count) }
    }

    /// Bounds malloc's arenas (M_ARENA_MAX): each one more is 64 MiB of address space and pages of its own.
    ///
    /// And gives the memory of large buffers back when they are freed: M_MMAP_THRESHOLD, once set, no longer grows to the
    /// size of the largest one freed (mallopt(3)).
    public static func limitMemoryArenas(to count: Int32) {
        _ = mallopt(M_ARENA_MAX, count)
        _ = mallopt(M_MMAP_THRESHOLD, 128 * 1024)
    }
}
