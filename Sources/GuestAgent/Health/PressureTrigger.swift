import Glibc
import LinuxSystem

/// The kernel's own alarm for want of memory: some task waited for it for 200 of 1,000 milliseconds (psi.rst, "Monitoring for
/// pressure thresholds"). It costs nothing until tasks wait.
struct PressureTrigger: ~Copyable {
    private let file: FileDescriptor
    /// To poll for POLLPRI; -1 where the kernel has no such alarm.
    private(set) var pollDescriptor: Int32

    init() {
        file = (try? FileDescriptor.open("/proc/pressure/memory", O_RDWR | O_NONBLOCK)) ?? FileDescriptor(owning: -1)
        pollDescriptor = -1
        let order = Array("some 200000 1000000\0".utf8)
        if file.rawValue >= 0, write(file.rawValue, order, order.count) == order.count {
            pollDescriptor = file.rawValue
        }
    }

    /// An alarm that reports an error is gone for good and would be polled without end.
    mutating func dropIfBroken(_ events: Int16) {
        if Int32(events) & (POLLERR | POLLNVAL) != 0 { pollDescriptor = -1 }
    }
}
