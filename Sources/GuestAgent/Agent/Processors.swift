import Glibc
import LinuxSystem

/// The machine's processors, of which the host may have the kernel leave all but the first switched off while it boots
/// (`maxcpus=1`).
enum Processors {
    /// Switches on those that are off; one that is on already stays as it is. Each takes some 100 ms of an emulated machine.
    static func switchOn() {
        guard KernelParameters.current().value("maxcpus") != nil else { return }
        let count = Int(sysconf(Int32(_SC_NPROCESSORS_CONF)))
        for number in 0..<max(0, count) {
            let file = "/sys/devices/system/cpu/cpu\(number)/online"
            do throws(SystemError) { try SmallFile.write(file, "1") } catch {
                // The first one often can't be switched, and has no such file.
                if error.code != ENOENT { AgentLog.say("\(error)") }
            }
        }
    }
}
